"""Mutated images through reading and the preparation for the network, within limits of time and memory.

``python -m tests.helpers.fuzz_images COUNT SEED`` from the repository; prints what became of them as JSON.
"""

from __future__ import annotations

import io
import json
import resource
import signal
import struct
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
from PIL import Image, features
from PIL.PngImagePlugin import PngInfo

from constrained_rcnn.images.reading import FORMATS, read_grey, read_header, read_image
from constrained_rcnn.utils.errors import UserError

#: Seconds that one file may take.
SECONDS = 20
#: Memory beyond what the imports took, bytes.
MEMORY = 3 << 30
#: What lengths and sizes are overwritten with.
EXTREMES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\1", b"\0\x10")


def seeds() -> list[bytes]:
    """Valid files of every format that is read, in their several kinds, of a photo that Matplotlib ships."""
    camera = Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg").read_bytes()
    photo = Image.open(io.BytesIO(camera)).convert("RGB").crop((200, 100, 320, 196))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera"
    text = PngInfo()
    text.add_text("comment", "x" * 300, zip=True)
    text.add_itxt("XML:com.adobe.xmp", "<x/>")
    deep = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) << 8)
    profile = b"\0" * 128 + b"icc"
    kinds = [
        (photo, "JPEG", {"quality": 80, "exif": exif, "icc_profile": profile, "comment": b"hello"}),
        (photo, "JPEG", {"progressive": True, "subsampling": 0}),
        (photo.convert("CMYK"), "JPEG", {}),
        (photo.convert("L"), "JPEG", {}),
        (photo, "MPO", {"save_all": True, "append_images": [photo]}),
        (photo, "PNG", {"pnginfo": text, "exif": exif, "icc_profile": profile}),
        (photo.quantize(16), "PNG", {"transparency": 3}),
        (photo.convert("RGBA"), "PNG", {"save_all": True, "append_images": [photo.convert("RGBA")]}),
        (deep, "PNG", {}),
        (photo.convert("1"), "PNG", {}),
        *((photo, "TIFF", {"compression": name}) for name in ("raw", "packbits", "tiff_lzw", "tiff_deflate", "jpeg")),
        (deep, "TIFF", {"save_all": True, "append_images": [deep], "exif": exif}),
        (photo, "TIFF", {"big_tiff": True}),
        (photo.convert("CMYK"), "TIFF", {"compression": "tiff_lzw", "icc_profile": profile}),
        *((photo.convert("1"), "TIFF", {"compression": name}) for name in ("group3", "group4")),
        (photo.quantize(32), "GIF", {"save_all": True, "append_images": [photo.quantize(8)] * 2}),
        (photo, "BMP", {}),
        (photo.quantize(256), "BMP", {}),
        (photo, "PPM", {}),
    ]
    for name, feature in (("WEBP", "webp"), ("JPEG2000", "jpg_2000"), ("AVIF", "avif")):
        if features.check(feature):
            kinds += [(photo, name, {}), (photo.convert("RGBA"), name, {})]
            if name == "JPEG2000":
                kinds.append((photo, name, {"no_jp2": True, "tile_size": (64, 64)}))
    if "HEIF" in FORMATS:
        several = {"save_all": True, "append_images": [photo.rotate(180)], "primary_index": 1}
        kinds += [(photo, "HEIF", {"exif": exif.tobytes()}), (deep, "HEIF", {}), (photo, "HEIF", several)]
    files = [camera, interlaced_png(np.asarray(photo)), run_length_bmp()]
    for image, name, options in kinds:
        buffer = io.BytesIO()
        image.save(buffer, name, **options)
        files.append(buffer.getvalue())
    return files


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def interlaced_png(pixels: np.ndarray) -> bytes:
    """An Adam7 PNG of (H, W, 3) uint8 RGB, which Pillow reads but does not write."""
    passes = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1))
    rows = [row for y, dy, x, dx in passes for row in pixels[y::dy, x::dx]]
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def run_length_bmp() -> bytes:
    """A BMP of 16x32 pixels with a run, literal bytes and an end of line in every row, which Pillow does not write."""
    body = b"".join(b"\x08" + bytes([row]) + b"\0\x08" + bytes(range(row, row + 8)) + b"\0\0" for row in range(32))
    body += b"\0\1"
    sizes = struct.pack("<LllHHLLllLL", 40, 16, 32, 1, 8, 1, len(body), 0, 0, 256, 0)
    colours = b"".join(bytes([value, value, value, 0]) for value in range(256))
    return b"BM" + struct.pack("<LLL", 1078 + len(body), 0, 1078) + sizes + colours + body


def rebuilt_png(data: bytes, rng: np.random.Generator) -> bytes:
    """The chunks with sums that are right again, or no reader would look inside; sometimes two are swapped."""
    chunks, at = [], 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append(chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if len(chunks) > 1 and rng.random() < 0.3:
        one, other = rng.integers(len(chunks), size=2)
        chunks[one], chunks[other] = chunks[other], chunks[one]
    return data[:8] + b"".join(chunks)


def mutate(files: list[bytes], rng: np.random.Generator) -> bytes:
    """One to four changes: bits, bytes, numbers at their extremes, cuts, insertions, doublings, parts of another."""
    data = bytearray(files[rng.integers(len(files))])
    for _ in range(1 + int(rng.integers(4))):
        # Half of the changes hit the first bytes, where the headers are.
        near = min(len(data), 400) if rng.random() < 0.5 else len(data)
        at = int(rng.integers(max(1, near)))
        kind = int(rng.integers(8))
        if kind == 0:
            data[at : at + 1] = bytes([data[at] ^ (1 << int(rng.integers(8)))]) if at < len(data) else b""
        elif kind == 1:
            data[at : at + 4] = rng.bytes(4)
        elif kind == 2:
            value = EXTREMES[rng.integers(len(EXTREMES))]
            data[at : at + len(value)] = value
        elif kind == 3:
            del data[int(rng.integers(len(data) + 1)) :]
        elif kind == 4:
            data[at:at] = rng.bytes(int(rng.integers(1, 40)))
        elif kind == 5:
            data[at:at] = data[at : at + int(rng.integers(1, 400))]
        elif kind == 6:
            other = files[rng.integers(len(files))]
            start = int(rng.integers(len(other)))
            data[at : at + 200] = other[start : start + 200]
        else:
            del data[at : at + int(rng.integers(1, 60))]
        if not data:
            data = bytearray(b"\0")
    if data.startswith(b"\x89PNG") and rng.random() < 0.7:
        return rebuilt_png(bytes(data), rng)
    return bytes(data)


class TooSlow(BaseException):
    """Not an Exception, so that no reader takes it for damage."""


def _alarm(*_):
    raise TooSlow


def main(count: int, seed: int) -> dict[str, int]:
    """Reads ``count`` mutated files; anything but a result or a one-line UserError ends with a traceback."""
    from constrained_rcnn.inference.augmentations import Augmentation
    from constrained_rcnn.inference.tiled_inference import whole_input

    files = seeds()
    for data in files:
        assert read_image(data).shape[2] == 3
    grown = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (grown, grown))
    signal.signal(signal.SIGPROF, _alarm)  # of the processor's time: others may be busy beside it
    model, tiles = SimpleNamespace(resizes_images=False), SimpleNamespace(MAX_PIXELS=1536 * 1536)
    became = {"read": 0, "refused": 0}
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        data = mutate(files, rng)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            read = (read_image, read_grey, read_header)[0 if index % 4 else int(rng.integers(1, 3))]
            made = read(data)
            if read is read_image:
                assert made.dtype == np.uint8 and made.ndim == 3 and made.shape[2] == 3 and made.size
                if min(made.shape[:2]) >= 16:
                    whole_input(model, made, Augmentation(120, 200), tiles)
            became["read"] += 1
        except UserError as error:
            assert "\n" not in str(error) and len(str(error)) < 500, str(error)
            assert "not enough memory" not in str(error), len(data)
            became["refused"] += 1
        except BaseException:
            print(f"file {index} of seed {seed}", file=sys.stderr)
            raise
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    return became


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
