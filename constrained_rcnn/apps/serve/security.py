"""Who may ask for what: every request passes here before a route sees it, every answer after.

A page elsewhere must not reach this server through the reader's browser, neither by its address (cross-site requests)
nor by a name that its owner points here (DNS rebinding). Who reaches it over a network needs the token.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...visualization.html.page import policy

#: Of answers that are no page of the server's own: result pages, images, JSON.
HEADERS = {
    "Content-Security-Policy": f"{policy()}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses what must not come in; ASGI middleware."""

    def __init__(self, app: ASGIApp, *, hosts: Hosts, token: str = "", port: int = 0):
        """
        Args:
            app: what is guarded.
            hosts: names that the server may be called by.
            token: that requests must know; "": none.
            port: of the server: cookies of servers on other ports have other names.
        """
        self._app, self._hosts, self._token = app, hosts, token
        self._cookie = f"constrained_rcnn_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the server's start and end; no websocket is offered
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _answer(self, scope: Scope) -> Response | None:
        """What to say in place of a route; None: let it through."""
        headers = Headers(scope=scope)
        if not self._hosts.allow(headers.get("host", "")):
            return refusal(scope, 403, "this server is not called by that name; see --allow-host")
        if not _from_here(scope["method"], headers):
            return refusal(scope, 403, "another site sent this request; that is refused")
        if not self._token or self._is_known(headers):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and scope["method"] == "GET" and same(given, self._token):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
            return answer
        answer = refusal(scope, 401, "the token is missing or wrong; open the address that the server printed")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        kept = cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        return same(kept, self._token) or scheme.lower() == "bearer" and same(bearer.strip(), self._token)


class Hosts:
    """Names by which the server may be called. A name that somebody else points here is none of them."""

    def __init__(self, host: str, more: Iterable[str] = ()):
        """
        Args:
            host: that the server listens on.
            more: names that users allow.
        """
        self._local = is_local(host)
        self._names = {"localhost", host.lower(), *(name.lower() for name in more)}

    def allow(self, header: str) -> bool:
        """Whether a Host header, with or without a port, names this server. A number is no name that could be pointed
        anywhere; on the loopback address only its own are taken."""
        try:
            name = (urlsplit(f"//{header}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._local


def is_local(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def same(one: str, other: str) -> bool:
    """Compares in a time that tells nothing about where two texts differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def refusal(scope: Scope, status: int, line: str) -> Response:
    """One line: as JSON for the API, as text for people."""
    if scope["path"].startswith("/v1/"):
        return JSONResponse({"error": line}, status)
    return PlainTextResponse(f"{line}\n", status)


def _from_here(method: str, headers: Headers) -> bool:
    """Whether a browser says that a page of this server sent the request, or the reader; other programs say nothing."""
    site, host = headers.get("sec-fetch-site", "none"), headers.get("host", "").lower()
    if site not in ("same-origin", "none"):
        # A link from elsewhere to the page is followed, by GET; nothing else is handed out.
        return method == "GET" and headers.get("sec-fetch-mode") == "navigate" and headers.get(
            "sec-fetch-dest") == "document"  # fmt: skip
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == host  # "null" has none
