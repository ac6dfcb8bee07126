"""Colour profiles (ICC.1 version 2), made from the numbers of their standards."""

from __future__ import annotations

import struct

import numpy as np

#: Chromaticities (x, y) of red, green, blue and white (D65), and the curve's exponent.
DISPLAY_P3 = (((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.3127, 0.3290)), 2.2)
ADOBE_RGB = (((0.640, 0.330), (0.210, 0.710), (0.150, 0.060), (0.3127, 0.3290)), 2.19921875)
#: Its white is D50.
PROPHOTO = (((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.34567, 0.35850)), 1.8)
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def rgb_profile(name: str, chromaticities, exponent: float) -> bytes:
    """A monitor's profile of three primaries and one curve."""
    *primaries, white = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in chromaticities)
    matrix = np.stack(primaries, axis=1)
    matrix = matrix * np.linalg.solve(matrix, white)
    cone = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    columns = (np.linalg.inv(_BRADFORD) @ cone @ _BRADFORD @ matrix).T
    tags = {b"desc": _text(name), b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(_D50)}
    for colour, column in zip("rgb", columns):
        tags |= {f"{colour}XYZ".encode(): _xyz(column), f"{colour}TRC".encode(): _curve(exponent)}
    return _profile(b"mntr", b"RGB ", tags)


def grey_profile(name: str, exponent: float) -> bytes:
    """A monitor's profile of one curve."""
    tags = {b"desc": _text(name), b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(_D50), b"kTRC": _curve(exponent)}
    return _profile(b"mntr", b"GRAY", tags)


def cmyk_profile(name: str) -> bytes:
    """What a printer's profile says of itself, without its tables."""
    return _profile(b"prtr", b"CMYK", {b"desc": _text(name)})


def _profile(device: bytes, space: bytes, tags: dict[bytes, bytes]) -> bytes:
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">L", len(tags)), b""
    for tag, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sLL", tag, at + len(body), len(data))
        body += data
    white = struct.pack(">3l", *(round(65536 * value) for value in _D50))
    head = struct.pack(
        ">L4sL4s4s4s12s4s", at + len(body), b"test", 0x02400000, device, space, b"XYZ ", bytes(12), b"acsp"
    )
    return head.ljust(68, b"\0") + white + bytes(128 - 80) + table + body


def _text(name: str) -> bytes:
    text = name.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">L", len(text)) + text + bytes(78)


def _xyz(values) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3l", *(round(65536 * float(value)) for value in values))


def _curve(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">LH", 1, round(256 * exponent))
