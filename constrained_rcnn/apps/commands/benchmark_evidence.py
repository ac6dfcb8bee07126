"""Measures what the witnesses of the evidence sheet cost: processor time of each for one image, on one core.

Without --input the image is made: a 12-megapixel JPEG with noise.
"""

from __future__ import annotations

import argparse

from ...evidence.names import WITNESS_NAMES
from ..arguments import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", metavar="FILE", help="the image")
    parser.add_argument("--height", type=positive, default=3000, help="of the image that is made, pixels")
    parser.add_argument("--width", type=positive, default=4000, help="pixels")
    parser.add_argument("--repeats", type=positive, default=3, help="runs; the fastest counts")
    parser.add_argument("--copy-move", action="store_true", help="also the witness that takes seconds")


def run(args: argparse.Namespace) -> None:
    from pathlib import Path

    from ...benchmarks.evidence import benchmark

    source = Path(args.input) if args.input else _made(args.height, args.width)
    asked = [name for name in WITNESS_NAMES if args.copy_move or name != "copy_move"]
    found = benchmark(source, asked, repeats=args.repeats)
    print(f"{found['megapixels']:.1f} megapixels, seconds of processor time on one core")
    for name, seconds in found["seconds"].items():
        print(f"{name:<20}{seconds:>8.3f}")
    print(f"{'together':<20}{sum(found['seconds'].values()):>8.3f}")


def _made(height: int, width: int) -> bytes:
    """A JPEG of smooth shapes with noise, as a camera's."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    coarse = rng.integers(30, 220, (max(2, height // 100), max(2, width // 100), 3), np.uint8)
    pixels = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    noise = np.empty_like(pixels, np.int16)
    cv2.randn(noise, 0, 4)
    pixels = cv2.add(pixels, noise, dtype=cv2.CV_8U)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
