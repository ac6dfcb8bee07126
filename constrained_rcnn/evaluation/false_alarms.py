"""False alarms on untouched images, as a table with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .metrics.confidence import bootstrap_interval
from .table import format_rows, interval_text


def false_alarm_table(examined: Sequence) -> str:
    """Shares of untouched images that are called manipulated, by variant of the file and by kind of image.

    Args:
        examined: records of :class:`constrained_rcnn.inference.untouched.Untouched`.

    Returns:
        Several lines: per variant and kind the number of images that can be judged, the share called manipulated with a
        95% bootstrap interval over files, and the share with a copy-move, in per cent; last how many files do not have
        the same decision in all variants, and how many images cannot be judged, and why.
    """
    suitable = [image for image in examined if image.unsuitable is None]
    rows = [["images", "number", "called manipulated (%)", "95% interval", "copy-move found (%)"]]
    for attribute in ("variant", "kind"):
        for name in dict.fromkeys(sorted(getattr(image, attribute) for image in suitable)):
            rows.append(_row(name, [image for image in suitable if getattr(image, attribute) == name]))
    rows.append(_row("all", suitable))
    decisions: dict[str, set[bool]] = {}
    for image in suitable:
        decisions.setdefault(image.file, set()).add(image.manipulated)
    changing = sum(len(values) > 1 for values in decisions.values())
    lines = [format_rows(rows), f"{changing} of {len(decisions)} files change their decision in at least one variant"]
    reasons = [image.unsuitable for image in examined if image.unsuitable is not None]
    lines += [
        f"cannot be judged: {reasons.count(reason)} of {len(examined)}: {reason}" for reason in sorted(set(reasons))
    ]
    return "\n".join(lines)


def _row(name: str, images: list) -> list[str]:
    alarms, files = [float(image.manipulated) for image in images], [image.file for image in images]
    interval = bootstrap_interval(alarms, files) if images else None
    copies = [image.copy_move for image in images]
    return [name, str(len(images)), _percent(alarms), interval_text(interval), _percent(copies)]


def _percent(values: list) -> str:
    return f"{100 * np.mean(values):.1f}" if values else "nan"
