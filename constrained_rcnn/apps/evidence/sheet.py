"""The evidence sheet of one image: a page that is one file and opens offline."""

from __future__ import annotations

import base64
import json
from typing import Any

import cv2
import numpy as np

from ...evidence import Finding, Level
from ...evidence.exhibit import Exhibit
from ...visualization.html.page import render
from ...visualization.overlay import heat

#: Longest side of the image and of maps on the sheet, pixels.
_LONGEST = 720
#: Opacity of a map's colour where the map is 1.
_OPACITY = 0.7
#: What the share of untouched images is told of: these words or stronger.
_TOLD = (Level.WEAK, Level.MODERATE, Level.STRONG)


def sheet(about: dict[str, Any], exhibit: Exhibit, findings: list[Finding], records: list[dict[str, Any]]) -> str:
    """Makes the page.

    Args:
        about: of the file: ``file``, ``sha256``, ``bytes``, ``time``, ``format``, ``width``, ``height``, ``version``
            and what the rates were measured on.
        exhibit: the image.
        findings: of the witnesses.
        records: the same as they stand in the JSON.

    Returns:
        HTML.
    """
    image = _reduced(exhibit.pixels)
    rows = [_row(one, record, image) for one, record in zip(findings, records)]
    return render("evidence.html", about=about, image=_inline(image), rows=rows)


def _row(finding: Finding, record: dict[str, Any], image: np.ndarray) -> dict[str, Any]:
    images = []
    if finding.map is not None:
        drawn = draw_map(image, finding)
        images.append({"title": "where", "source": _inline(drawn)})
    images += [{"title": title, "source": _inline(_reduced(one))} for title, one in finding.images.items()]
    return {
        "title": finding.title, "examined": finding.examined, "words": finding.level.words,
        "found": finding.level in _TOLD, "sentence": finding.sentence, "look_for": finding.look_for,
        "ignore": finding.ignore, "innocent": finding.innocent_causes, "images": images,
        "rates": _rates(finding), "facts": json.dumps(record["facts"], indent=2, ensure_ascii=False),
    }  # fmt: skip


def _rates(finding: Finding) -> list[dict[str, Any]]:
    """Per processing class: how many untouched images were measured, and the share with each word, in per cent."""
    authentic = (finding.rates or {}).get("authentic", {})
    return [
        {"kind": kind, "images": shares["images"], "shares": [100 * shares[level.value] for level in Level]}
        for kind, shares in authentic.items()
    ]


def draw_map(image: np.ndarray, finding: Finding) -> np.ndarray:
    """A finding's map in colour over the image in grey, with boxes around its regions.

    Args:
        image: (h, w, 3) uint8 BGR, upright, of any scale.
        finding: with a map.

    Returns:
        (h, w, 3) uint8 BGR.
    """
    height, width = image.shape[:2]
    grown = cv2.resize(np.clip(finding.map, 0, 1), (width, height), interpolation=cv2.INTER_LINEAR)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(np.float32) * 0.75
    alpha = grown[..., None] * _OPACITY
    return np.rint(grey * (1 - alpha) + heat(grown) * alpha).astype(np.uint8)


def _reduced(image: np.ndarray) -> np.ndarray:
    scale = _LONGEST / max(image.shape[:2])
    if scale >= 1:
        return image
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _inline(image: np.ndarray) -> str:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
