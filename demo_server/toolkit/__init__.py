"""What an experiment may use."""
