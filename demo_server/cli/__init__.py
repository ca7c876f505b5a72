"""The console script `demo-server`."""
