"""Runs: their events, logs and recordings."""
