"""Pipelines that several experiments compare."""
