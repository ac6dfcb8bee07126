"""Verifies a sealed case of detect --case: every file's digest, then detection and evidence once more.

Says equal (exit status 0), or what differs (1), and where versions, threads or processors are others, which.
Nothing is written to the case.
"""

from __future__ import annotations

import argparse

from ...utils.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case", metavar="DIR", help="folder of the case")
    parser.add_argument(
        "--weights", metavar="FILE", help="weights that the case was made with, if they are not the package's own"
    )
    parser.add_argument("--digest", metavar="SHA256", help="digest that was printed when the case was sealed")
    parser.add_argument("--no-rerun", action="store_true", help="check the digests only, which takes no network")


def run(args: argparse.Namespace) -> int:
    """Returns 0 if all is equal, else 1."""
    digest = None if args.digest is None else noted_digest(args.digest)
    from .verify import verify

    return verify(args.case, weights=args.weights, digest=digest, rerun=not args.no_rerun)


def noted_digest(text: str) -> str:
    """A SHA-256 as somebody typed it.

    Raises:
        UserError: it is none.
    """
    digest = "".join(text.split()).lower()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise UserError(f"--digest: {text!r} is none; give the 64 digits that detect --case printed")
    return digest
