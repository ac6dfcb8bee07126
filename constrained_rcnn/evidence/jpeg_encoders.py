"""Which known encoder writes a JPEG's quantisation tables. They stand in ``encoders.json``, each with its source."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .jpeg_tables import scaled_table

#: The file in the package.
ENCODERS_FILE = Path(__file__).with_name("encoders.json")


@dataclass(frozen=True)
class KnownTables:
    """Tables that a known encoder writes.

    Attributes:
        encoder: its name.
        programs: which programs write them, in words.
        quality: 1 to 100 of encoders that scale one pair of tables; None: a preset.
        preset: its name; "" of encoders that scale.
        source: where the tables come from.
    """

    encoder: str
    programs: str
    quality: int | None
    preset: str
    source: str

    @property
    def words(self) -> str:
        """For instance "libjpeg at quality 88"."""
        return f"{self.encoder} at quality {self.quality}" if self.quality else f"{self.encoder} ({self.preset})"


def known_tables(quantization: Mapping[int, Sequence[int]]) -> KnownTables | None:
    """The encoder that writes exactly these tables.

    Args:
        quantization: number -> 64 steps, row by row. The least number is luma's; a grey image has no other, and where
            there are several, the second is chroma's.

    Returns:
        None: no encoder of the table. Tables of cameras, and of many programs, are not in it.
    """
    if not quantization:
        return None
    luma, *chroma = (tuple(int(step) for step in quantization[number]) for number in sorted(quantization))
    for second in chroma[:1] or [None]:
        for found, its_luma, its_chroma in _all():
            if its_luma == luma and second in (None, its_chroma):
                return found
    return None


@functools.lru_cache(maxsize=1)
def encoders() -> list[dict[str, Any]]:
    """Content of ``encoders.json``."""
    return json.loads(ENCODERS_FILE.read_text(encoding="utf-8"))["encoders"]


@functools.lru_cache(maxsize=1)
def _all() -> list[tuple[KnownTables, tuple[int, ...], tuple[int, ...]]]:
    """Every pair of tables there is, those of the most common encoder first."""
    found = []
    for entry in encoders():
        about = entry["name"], entry["programs"]
        luma, chroma = (np.array(entry[key]) for key in ("luma", "chroma"))
        if not entry["scaled"]:
            found.append((KnownTables(*about, None, entry["preset"], entry["source"]), tuple(luma), tuple(chroma)))
            continue
        for quality in range(1, 101):
            pair = (tuple(int(step) for step in scaled_table(base, quality)) for base in (luma, chroma))
            found.append((KnownTables(*about, quality, "", entry["source"]), *pair))
    return found
