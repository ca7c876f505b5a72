"""The HTTP routes, each with the role that it needs on its own line; the deck has what is left."""

from __future__ import annotations

from demo_server.web.routes import deck, devices, pairing, runs, status

ROUTERS = (status.router, runs.router, devices.router, pairing.router, deck.router)
