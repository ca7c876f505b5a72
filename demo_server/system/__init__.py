"""What the operating system is asked: processes, memory, files, addresses."""
