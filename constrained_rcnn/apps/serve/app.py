"""The application: guard, API, page, and errors on one line."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from .page import Page
from .routes import Api
from .security import HEADERS, Guard, Hosts, refusal


def make_app(api: Api, *, hosts: Hosts, token: str = "", port: int = 0, kept: str = "") -> Starlette:
    """
    Args:
        api: of the session.
        hosts, token, port: see :class:`.security.Guard`.
        kept: see :class:`.page.Page`.
    """
    return Starlette(
        routes=[*Page(api, kept).routes, *api.routes],
        middleware=[Middleware(Guard, hosts=hosts, token=token, port=port)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )


async def _refused(request: Request, error: HTTPException) -> Response:
    answer = refusal(request.scope, error.status_code, error.detail)
    answer.headers.update(error.headers or {})
    return answer


async def _failed(request: Request, error: Exception) -> Response:
    line = " ".join(f"failed in a way that was not foreseen, please report it: {error!r}".split())
    answer = refusal(request.scope, 500, line[:300])
    answer.headers.update(HEADERS)  # the guard does not see this answer
    return answer
