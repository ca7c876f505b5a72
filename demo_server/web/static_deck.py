"""The built deck, served from its directory, with its routes falling back to the one page."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, Response

mimetypes.add_type("application/wasm", ".wasm")
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("application/jsonl", ".jsonl")

_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>No deck yet</title>
<body style="font: 1.3rem/1.5 system-ui; max-width: 40rem; margin: 15vh auto; padding: 0 1rem">
<h1>The deck is not built yet</h1>
<p>The server runs, but its directory has no <code>index.html</code>.
Run <code>npm start</code> in the checkout: it builds the deck and opens it here.</p></body></html>
"""


def deck_file(dist: Path, path: str) -> Response:
    """Answer a request for `path` of the deck in `dist`.

    A path that names a file gets it; one without a suffix is a slide's address and gets the
    page; anything else, also what leads out of `dist`, is not found.
    """
    index = dist / "index.html"
    if not index.is_file():
        return HTMLResponse(_MISSING, status_code=503)
    try:
        wanted = (dist / path).resolve()
        inside = wanted.is_relative_to(dist.resolve())
        is_file = inside and wanted.is_file()
    except (OSError, ValueError):
        return PlainTextResponse("There is no such file.", status_code=404)
    if is_file and wanted != index.resolve():
        # Vite puts a hash of the content into the names below assets/.
        fixed = path.startswith("assets/")
        cache = "public, max-age=31536000, immutable" if fixed else "no-cache"
        return FileResponse(wanted, headers={"Cache-Control": cache})
    if is_file or (inside and not wanted.suffix):
        return FileResponse(index, headers={"Cache-Control": "no-cache"})
    return PlainTextResponse("There is no such file.", status_code=404)
