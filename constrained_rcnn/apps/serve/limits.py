"""What a session takes: sizes, numbers, times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """
    Attributes:
        bytes: of one upload.
        waiting: uploads that may be on their way or wait at once.
        shown: finished ones that stay; beyond them the oldest goes.
        seconds: for one image in the worker process.
        upload_seconds: until an upload must be there.
        names: characters of a file's name that are shown.
    """

    bytes: int = 100 << 20
    waiting: int = 50
    shown: int = 200
    seconds: int = 600
    upload_seconds: int = 300
    names: int = 120
