"""The evidence sheet of one image: a page that is one file and opens offline."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ...evidence import Finding, Level
from ...images.icc import to_srgb
from ...visualization.html.page import render
from ...visualization.overlay import heat
from .error_rate import TOLD, error_rate, rates_table, worst_share

#: Longest side of the image on the sheet, of maps, and of what a witness shows beside its map, pixels.
_LONGEST, _LONGEST_MAP, _LONGEST_MORE = 960, 480, 480
#: Most maps that can be laid over the image: the style sheet has a rule for each.
MOST_MAPS = 12
#: Most regions that are drawn and listed.
_MOST_REGIONS = 12
#: Steps of the map's opacity, per cent, and the one that is shown first.
STEPS, FIRST_STEP = (0, 25, 50, 75, 100), 50


def sheet(
    about: dict[str, Any], image: np.ndarray, findings: Sequence[Finding], record: dict[str, Any], profile: bytes = b""
) -> str:
    """Makes the page.

    Args:
        about: of the file: ``file``, ``sha256``, ``bytes``, ``time``, ``format`` and ``version``.
        image: (H, W, 3) uint8 BGR, upright.
        findings: of the witnesses.
        record: the same as JSON keeps them, see :func:`.findings.record_of`.
        profile: the colour profile by which the image is to be shown; empty: it is sRGB.

    Returns:
        HTML.
    """
    height, width = image.shape[:2]
    rows, maps = [], 0
    for finding, kept in zip(findings, record["findings"]):
        has_map = finding.map is not None and maps < MOST_MAPS
        maps += has_map
        rows.append(_row(finding, kept, maps if has_map else 0))
    with_maps = [row for row in rows if row["number"]]
    first = max(with_maps, key=lambda row: row["rank"], default=None)
    return render(
        "evidence.html", about=about, width=width, height=height, image=_inline(to_srgb(_reduced(image), profile), 85),
        rows=rows, maps=with_maps, picked=first["number"] if first and first["found"] else 0, steps=STEPS,
        first_step=FIRST_STEP, words=[level.words for level in Level], rates=record["rates"],
    )  # fmt: skip


def _row(finding: Finding, kept: dict[str, Any], number: int) -> dict[str, Any]:
    """What the template needs of a witness; number: of its map, from 1; 0: it has none."""
    more = [{"title": title, "source": _inline(_reduced(one, _LONGEST_MORE), 85)}
            for title, one in finding.images.items()]  # fmt: skip
    return {
        "title": finding.title, "examined": finding.examined, "words": finding.level.words,
        "level": finding.level.value, "rank": finding.level.rank, "found": finding.level in TOLD,
        "sentence": finding.sentence, "look_for": finding.look_for, "ignore": finding.ignore,
        "innocent": finding.innocent_causes, "number": number, "map": _map(finding.map) if number else "",
        "regions": finding.regions[:_MOST_REGIONS], "more_regions": max(0, len(finding.regions) - _MOST_REGIONS),
        "more": more, "error_rate": error_rate(finding), "worst_share": worst_share(finding),
        "rates": rates_table(finding), "facts": kept["facts"],
    }  # fmt: skip


def _map(values: np.ndarray) -> str:
    """(h, w) float in [0, 1] -> an image in colours; the page stretches it over the image."""
    return _inline(heat(_reduced(np.ascontiguousarray(values, np.float32), _LONGEST_MAP)), 80)


def _reduced(image: np.ndarray, longest: int = _LONGEST) -> np.ndarray:
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _inline(image: np.ndarray, quality: int) -> str:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
