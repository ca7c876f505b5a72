"""Imports two others."""

from demo_server.experiments._three import x

from demo_server.experiments import two as second

print(second, x)
