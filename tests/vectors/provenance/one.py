"""Imports two others."""

from demo_server.experiments import two as second
from demo_server.experiments._three import x

print(second, x)
