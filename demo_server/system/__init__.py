"""The operating system: processes, memory, files, addresses."""
