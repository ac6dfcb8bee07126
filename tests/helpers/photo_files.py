"""Files of one real photo (it comes with Matplotlib) with histories that a test makes."""

from __future__ import annotations

import functools
import io
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image


@functools.cache
def photo() -> np.ndarray:
    """(592, 512, 3) uint8 RGB: a portrait, reduced from its JPEG so that no grid of blocks is left in it."""
    path = Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB").resize((384, 448), Image.Resampling.LANCZOS), np.float64)
    noise = np.random.default_rng(0).normal(0, 2, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def as_jpeg(pixels: np.ndarray, quality: int = 90, **options) -> bytes:
    """Args: pixels: (H, W, 3) uint8 RGB. options: of Pillow's writer."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


def as_png(pixels: np.ndarray, **options) -> bytes:
    """Args: pixels: (H, W, 3) uint8 RGB."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", **options)
    return buffer.getvalue()


def decoded(data: bytes) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a file's content."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def exif(*, thumbnail: np.ndarray | None = None, **values) -> bytes:
    """An EXIF block. Args: thumbnail: (h, w, 3) uint8 RGB. values: ``make``, ``model``, ``software``, ``modified``,
    ``taken``, ``width``, ``height``, ``gps`` (True), ``gps_date`` beside it."""
    numbers = {"make": 0x010F, "model": 0x0110, "software": 0x0131, "modified": 0x0132}
    block = Image.Exif()
    for name, number in numbers.items():
        if name in values:
            block[number] = values[name]
    details = {"taken": 0x9003, "width": 0xA002, "height": 0xA003}
    block.get_ifd(0x8769).update({number: values[name] for name, number in details.items() if name in values})
    if values.get("gps"):
        block.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)})
        block.get_ifd(0x8825).update({29: values["gps_date"]} if "gps_date" in values else {})
    data = block.tobytes()
    return data if thumbnail is None else _with_thumbnail(data, as_jpeg(thumbnail, 80))


def _with_thumbnail(data: bytes, small: bytes) -> bytes:
    """Hangs a second directory behind the first one, which Pillow does not write."""
    head, body = data[:6], bytearray(data[6:])
    order = "little" if body[:2] == b"II" else "big"
    first = int.from_bytes(body[4:8], order)
    after = first + 2 + 12 * int.from_bytes(body[first : first + 2], order)
    start = len(body)
    body[after : after + 4] = start.to_bytes(4, order)

    def entry(tag: int, value: int) -> bytes:
        return tag.to_bytes(2, order) + (4).to_bytes(2, order) + (1).to_bytes(4, order) + value.to_bytes(4, order)

    thumbnail = start + 2 + 24 + 4
    body += (2).to_bytes(2, order) + entry(0x0201, thumbnail) + entry(0x0202, len(small)) + bytes(4) + small
    return head + bytes(body)


def xmp(body: str) -> bytes:
    """An XMP packet. Args: body: attributes and elements of one description, as ``xmp:CreatorTool="..."``."""
    spaces = {
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
        "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
        "tiff": "http://ns.adobe.com/tiff/1.0/",
        "photoshop": "http://ns.adobe.com/photoshop/1.0/",
        "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    }
    named = " ".join(f'xmlns:{name}="{space}"' for name, space in spaces.items())
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/" {named}><rdf:RDF>{body}</rdf:RDF></x:xmpmeta>'.encode()
