"""A live-demo server for a technical talk: starts Ray jobs and streams their events into slides."""

__version__ = "0.1.0"
