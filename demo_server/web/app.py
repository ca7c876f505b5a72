"""The HTTP API, the websocket and the deck as one app; every request passes the host rule."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from demo_server import __version__
from demo_server.web.dependencies import Parts, require_declared_role
from demo_server.web.hosts import HostRule
from demo_server.web.middleware import HostCheck
from demo_server.web.routes import ROUTERS, websocket


def create_app(parts: Parts, host_rule: HostRule) -> FastAPI:
    """Build the app that serves `parts` to requests that `host_rule` admits."""
    app = FastAPI(
        title="demo-server",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(require_declared_role)],
    )
    app.state.parts = parts
    app.add_middleware(HostCheck, rule=host_rule)
    app.router.routes.append(websocket.route(parts))
    for router in ROUTERS:
        app.include_router(router)
    return app
