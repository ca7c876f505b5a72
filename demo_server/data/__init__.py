"""Where the texts come from."""
