"""Where a result goes, a file for each place."""
