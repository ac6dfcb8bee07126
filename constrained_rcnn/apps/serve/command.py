"""Opens a page in the browser to drop images on: detection, evidence and comparison on this machine.

Listens on 127.0.0.1 alone unless --host is given; then a token is needed, which stands in the address that is printed.
Nothing is kept after the session unless --keep is given. POST /v1/detect is the same for programs; the API describes
itself at /v1/openapi.json. Without --config-file the weights that come with the package are used.
"""

from __future__ import annotations

import argparse

from ...utils.dependencies import require
from ...utils.errors import UserError
from ..arguments import add_opts, positive
from .limits import Limits

_LIMITS = Limits()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=8000, metavar="N", help="to listen on; 0: any that is free")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="to listen on; 0.0.0.0: all there are")
    parser.add_argument(
        "--token", action="store_true", help="ask for a token on 127.0.0.1, too: others use this machine"
    )
    parser.add_argument(
        "--allow-host", nargs="+", default=[], metavar="NAME", help="names that requests may call this server by"
    )
    parser.add_argument("--keep", metavar="DIR", help="keep uploads and results in this folder")
    parser.add_argument("--max-bytes", type=positive, default=_LIMITS.bytes, metavar="N", help="of one upload")
    parser.add_argument(
        "--max-waiting", type=positive, default=_LIMITS.waiting, metavar="N", help="uploads in the queue"
    )
    parser.add_argument("--seconds", type=positive, default=_LIMITS.seconds, metavar="N", help="that an image may take")
    parser.add_argument("--config-file", metavar="FILE", help="yaml file that the weights were trained with")
    add_opts(parser, "config keys to override; with --config-file, MODEL.WEIGHTS among them; stands last")


def run(args: argparse.Namespace) -> None:
    """Serves until Ctrl-C or SIGTERM."""
    for module in ("starlette", "uvicorn", "python_multipart"):
        require(module, "'constrained_rcnn[web]'", "the page and the API")
    from .server import Settings, serve

    if args.host == "":
        raise UserError("--host: is empty; leave it out for this machine alone, or give 0.0.0.0 for all addresses")
    limits = Limits(bytes=args.max_bytes, waiting=args.max_waiting, seconds=args.seconds)
    serve(
        Settings(args.host, args.port, args.token, tuple(args.allow_host), args.keep, limits),
        args.config_file, args.opts,
    )  # fmt: skip


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text}: give a whole number from 0 to 65535")
    return int(text)
