"""The name of a colour profile."""

from __future__ import annotations

import struct

from ..utils.files import printable

#: Entries of a profile's table, and characters of its name, that are looked at.
_ENTRIES, _NAME = 100, 80


def profile_name(profile: bytes) -> str:
    """What a profile calls itself (ICC.1, tag ``desc``), on one line; "(without a name)" where that cannot be read."""
    try:
        (count,) = struct.unpack_from(">L", profile, 128)
        for entry in range(min(count, _ENTRIES)):
            tag, at, size = struct.unpack_from(">4sLL", profile, 132 + 12 * entry)
            if tag == b"desc":
                return printable(" ".join(_text(profile[at : at + size]).split())[:_NAME]) or "(without a name)"
    except (struct.error, UnicodeDecodeError):
        pass
    return "(without a name)"


def _text(data: bytes) -> str:
    if data.startswith(b"mluc"):  # several languages: the first
        length, at = struct.unpack_from(">LL", data, 20)
        return data[at : at + min(length, 4 * _NAME)].decode("utf-16-be")
    (length,) = struct.unpack_from(">L", data, 8)
    return data[12 : 12 + min(length, _NAME + 1)].split(b"\0")[0].decode("latin-1")
