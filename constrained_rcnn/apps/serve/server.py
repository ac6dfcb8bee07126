"""A session from its start to its end: address, folder, worker, page."""

from __future__ import annotations

import contextlib
import errno
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import uvicorn

from ...utils.errors import UserError
from ...utils.files import printable
from ..detect.workers import Maker
from .app import make_app
from .folder import session_folder
from .jobs import Jobs
from .limits import Limits
from .progress import Progress
from .routes import Api
from .runner import Runner
from .security import Hosts, is_local
from .worker import WorkerMaker, assign

#: Connections at once, and seconds that open ones get when the session ends.
_CONNECTIONS, _LAST_SECONDS = 100, 2


@dataclass(frozen=True)
class Settings:
    """Attributes: host, port: to listen on; port 0: a free one. token: ask for one also on the loopback address.
    allowed: further names of this server. keep: see :func:`.folder.session_folder`. limits: of the session."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: bool = False
    allowed: tuple[str, ...] = ()
    keep: str | None = None
    limits: Limits = Limits()


class Ended(BaseException):
    """The process was told to end."""


def serve(settings: Settings, config_file: str | None, options: list[str]) -> None:
    """Serves until Ctrl-C or SIGTERM; then nothing of the session is left but what ``keep`` keeps.

    Raises:
        UserError: the address is taken, or a config, weights or a folder cannot be used.
    """
    progress = Progress()
    make = WorkerMaker(config_file, tuple(options), progress)
    with contextlib.suppress(Ended, KeyboardInterrupt), session(settings, make, progress) as (server, sockets, url):
        print(f"{url}\nCtrl-C ends the session", flush=True)
        server.run(sockets)
    print("the session has ended", file=sys.stderr)


@contextlib.contextmanager
def session(settings: Settings, make: Maker, progress: Progress) -> Iterator[tuple[uvicorn.Server, list, str]]:
    """Gives a server that has only to be run, its sockets, and the address to open."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_ended_by_sigterm())
        listening = stack.enter_context(listen(settings.host, settings.port))
        port = listening.getsockname()[1]
        folder = stack.enter_context(session_folder(settings.keep))
        jobs = Jobs(folder, settings.limits, keep=settings.keep is not None)
        print("loading the network", file=sys.stderr, flush=True)
        runner = stack.enter_context(Runner(jobs, make, partial(assign, progress), settings.limits.seconds))
        token = secrets.token_urlsafe(32) if settings.token or not is_local(settings.host) else ""
        app = make_app(
            Api(jobs, runner, progress, settings.limits), hosts=Hosts(settings.host, settings.allowed), token=token,
            port=port, kept=printable(settings.keep or ""),
        )  # fmt: skip
        config = uvicorn.Config(
            app, log_config=None, log_level="warning", access_log=False, server_header=False, proxy_headers=False,
            ws="none", lifespan="off", limit_concurrency=_CONNECTIONS, timeout_graceful_shutdown=_LAST_SECONDS,
        )  # fmt: skip
        yield uvicorn.Server(config), [listening], address_of(settings.host, port, token)


def address_of(host: str, port: int, token: str) -> str:
    """What people open; where the server listens on all addresses, the one that works on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{port}/{f'?token={token}' if token else ''}"


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UserError: somebody else does, or the address is none of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_CONNECTIONS)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(f"--port {port}: is in use already; give another, or 0 for any that is free") from None
        why = (error.strerror or str(error)).lower()
        raise UserError(f"--host {printable(host)}, --port {port}: cannot be listened on: {why}") from None


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Turns SIGTERM into an exception, so that what a session leaves is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        raise Ended

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
