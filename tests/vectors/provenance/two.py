"""Imports the first one back."""

from demo_server.experiments import one

print(one)
