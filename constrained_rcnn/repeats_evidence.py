"""What repeated regions show a person: which of two is the likelier copy, drawn and as a record."""

from __future__ import annotations

import cv2
import numpy as np

from .repeats import Repeat, reduced

#: Least difference of the manipulation map's means over a region and its twin that tells copy from original. Chosen
#: on casia_v1_train.
LEAST_DIFFERENCE = 0.1


def map_means(repeats: tuple[Repeat, ...], manipulation_map: np.ndarray) -> list[tuple[float, float]]:
    """Means of the map over the first and the second region of each pair, in [0, 1].

    Args:
        repeats: of :func:`.repeats.find_repeats`.
        manipulation_map: (H, W) float32 in [0, 1], of the same picture.
    """
    if not repeats:
        return []
    small, _ = reduced(manipulation_map)
    return [(float(small[repeat.first].mean()), float(small[repeat.second].mean())) for repeat in repeats]


def likelier_copy(means: tuple[float, float]) -> str | None:
    """Which region the network finds manipulated: "first", "second", or None where it cannot tell.

    Args:
        means: of the map over both, see :func:`map_means`.
    """
    if abs(means[0] - means[1]) < LEAST_DIFFERENCE:
        return None
    return "first" if means[0] > means[1] else "second"


def repeats_record(repeats: tuple[Repeat, ...], means: list[tuple[float, float]]) -> list[dict]:
    """For JSON: each pair's :meth:`.Repeat.to_json` with ``map_means`` and ``likelier_copy``.

    Args:
        repeats, means: of one picture, see :func:`map_means`.
    """
    return [
        {
            **repeat.to_json(),
            "map_means": [round(mean, 4) for mean in both],
            "likelier_copy": likelier_copy(both),
        }
        for repeat, both in zip(repeats, means)
    ]


def draw_repeats(image: np.ndarray, repeats: tuple[Repeat, ...], means: list[tuple[float, float]]) -> np.ndarray:
    """The picture in grey; each region and its twin in one colour, outlined, joined by a line.

    Where the map tells which is the copy, an arrow leads to it.

    Args:
        image: (H, W, 3) uint8, BGR, that :func:`.repeats.find_repeats` was given.
        repeats, means: of this image, see :func:`map_means`.

    Returns:
        (h, w, 3) uint8, BGR; of the picture's size, or reduced so that the longer side is ``WORKING_SIDE``.
    """
    image, _ = reduced(image)
    canvas = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    width = max(1, round(max(image.shape[:2]) / 500))
    lines = []
    for number, (repeat, both) in enumerate(zip(repeats, means)):
        hue = np.uint8([[[(10 + 47 * number) % 180, 255, 255]]])
        colour = cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0]
        for region in (repeat.first, repeat.second):
            canvas[region] = (0.55 * canvas[region] + 0.45 * colour).astype(np.uint8)
            outline, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(canvas, outline, -1, colour.tolist(), width)
        ends = [_centre(repeat.first), _centre(repeat.second)]
        copy = likelier_copy(both)
        lines.append((ends[::-1] if copy == "first" else ends, copy is not None, colour.tolist()))
    for (start, end), arrow, colour in lines:  # last, so that no region hides one
        for shade, thickness in (((0, 0, 0), 3 * width), (colour, width)):
            if arrow:
                tip = min(0.5, 12 * width / max(1.0, np.hypot(end[0] - start[0], end[1] - start[1])))
                cv2.arrowedLine(canvas, start, end, shade, thickness, cv2.LINE_AA, tipLength=tip)
            else:
                cv2.line(canvas, start, end, shade, thickness, cv2.LINE_AA)
    return canvas


def _centre(region: np.ndarray) -> tuple[int, int]:
    rows, columns = np.nonzero(region)
    return int(columns.mean()), int(rows.mean())
