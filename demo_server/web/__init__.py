"""The HTTP API, the websocket and the deck, on one port."""
