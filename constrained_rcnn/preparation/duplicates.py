"""The same image twice: by its pixels, and by how it looks (a perceptual hash).

An image that is trained on and tested again, under another name or compressed again, makes a score worthless.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ..data import annotation_format
from ..images.reading import read_image
from ..utils.errors import UserError
from .findings import NOTED, SKIPPED, Finding

#: Two images look alike if at most so many of the 64 bits differ. Measured on images of CASIA v1: half the
#: size and JPEG quality 60 change 6 at most and 0 in the median (331 images); images of different groups
#: differ in 12 at least (1,322).
NEAR_BITS = 6
#: An image whose grey levels deviate by less than this looks like every other flat one: not compared.
FLAT = 2.0


def image_print(pixels: np.ndarray) -> dict[str, str] | None:
    """What two images are compared by.

    The hash: grey, 32x32, the 8x8 lowest frequencies of its cosine transform but the mean, above their median
    or not (pHash). It survives compression and scaling, not turning or cropping.

    Args:
        pixels: (H, W, 3) uint8 BGR.

    Returns:
        ``pixels`` (digest of shape and pixels, hexadecimal) and ``looks`` (64 bits, hexadecimal); None for a
        flat image.
    """
    small = cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    grey = small @ np.array([0.114, 0.587, 0.299], np.float32)  # BT.601, BGR
    if grey.std() < FLAT:
        return None
    low = cv2.dct(grey)[:8, :8].ravel()
    low[0] = np.median(low[1:])  # the mean brightness says nothing of the image
    bits = low > np.median(low[1:])
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return {"pixels": digest.hexdigest(), "looks": np.packbits(bits).tobytes().hex()}


def shared_pixels(prints: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Image name -> an id of its pixels, for the images whose pixels another one has too (one source)."""
    owners = defaultdict(list)
    for name, entry in prints.items():
        owners[entry["pixels"]].append(name)
    # A group is called by its smallest source: "~" sorts behind the ids of any data set.
    return {name: f"~{pixels}" for pixels, names in owners.items() if len(names) > 1 for name in names}


def duplicates(
    prints: Mapping[str, Mapping[str, str]], groups: Mapping[str, str], side: Mapping[str, str]
) -> list[Finding]:
    """One finding per image that another one repeats.

    Args:
        prints: image name -> ``image_print``.
        groups: image name -> group. Images of one group are expected to look alike; they are not compared.
        side: image name -> "train" or "test"; empty without a split.

    Returns:
        ``same pixels`` for all; ``looks alike`` for images of different groups, with a split only across it.
        What is on both sides says so.
    """
    names = sorted(prints)
    findings, same = [], defaultdict(list)
    for name in names:
        same[prints[name]["pixels"]].append(name)
    for owners in same.values():
        for name in owners[1:]:
            kind = "same pixels" + _where(owners[0], name, side)
            findings.append(Finding(NOTED, kind, name, f"the same image as {owners[0]}"))
    near = defaultdict(list)
    for first, second, bits in _near(names, prints):
        if groups[first] == groups[second] or prints[first]["pixels"] == prints[second]["pixels"]:
            continue
        suffix = _where(first, second, side)
        if suffix or not side:
            near[second, suffix].append((bits, first))
    for (name, suffix), alike in near.items():
        bits, first = min(alike)
        others = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
        findings.append(
            Finding(NOTED, f"looks alike{suffix}", name, f"like {first}{others} ({bits} of 64 bits differ)")
        )
    return findings


def between(first: Path, second: Path, *, workers: int = 1) -> list[Finding]:
    """Images that are in two prepared splits; both are read, a few images at a time.

    Args:
        first, second: ``<root>/annotations/<name>.json``.
        workers: threads.

    Returns:
        As ``duplicates`` across a split, and ``unreadable`` images. Paths are absolute.
    """
    files = [{entry["file_name"] for entry in annotation_format.load(split)} for split in (first, second)]
    side = {path: name for name, paths in zip(("train", "test"), files) for path in sorted(paths)}
    same = [
        Finding(NOTED, "same file across the split", path, "this file is in both")
        for path in sorted(files[0] & files[1])
    ]

    def read(path: str) -> dict[str, str] | Finding | None:
        try:
            return image_print(read_image(path))
        except UserError as error:
            return Finding(SKIPPED, "unreadable", path, str(error))

    with ThreadPoolExecutor(workers) as pool:
        read_all = list(tqdm(pool.map(read, side), total=len(side), unit="image", disable=None))
    prints = {path: entry for path, entry in zip(side, read_all) if isinstance(entry, dict)}
    findings = duplicates(prints, {path: path for path in side}, side)
    broken = [entry for entry in read_all if isinstance(entry, Finding)]
    return broken + same + [finding for finding in findings if finding.kind.endswith("across the split")]


def _where(name: str, other_name: str, side: Mapping[str, str]) -> str:
    sides = {side.get(name), side.get(other_name)}
    return " across the split" if sides == {"train", "test"} else ""


def _near(names: list[str], prints: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str, int]]:
    """Pairs (earlier name, later name, bits that differ) with at most NEAR_BITS, a block of rows at a time."""
    if not names:
        return
    packed = np.array([list(bytes.fromhex(prints[name]["looks"])) for name in names], np.uint8)
    signs = np.unpackbits(packed, axis=1).astype(np.float32) * 2 - 1  # (N, 64); a product is 64 - 2 * bits
    for start in range(0, len(names), 1024):
        bits = (64 - signs[start : start + 1024] @ signs.T) / 2
        for row, column in zip(*np.nonzero(bits <= NEAR_BITS)):
            if start + row < column:
                yield names[start + row], names[column], int(bits[row, column])
