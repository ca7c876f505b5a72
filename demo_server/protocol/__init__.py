"""What crosses the websocket and the pipe to a driver, declared once."""
