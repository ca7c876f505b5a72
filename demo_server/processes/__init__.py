"""The child processes: Ray, drivers, and one-shot modules."""
