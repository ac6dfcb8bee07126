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
        the same verdict in all variants, and how many images cannot be judged, and why.
    """
    suitable = [one for one in examined if one.unsuitable is None]
    rows = [["images", "number", "called manipulated (%)", "95% interval", "copy-move found (%)"]]
    for attribute in ("variant", "kind"):
        for name in dict.fromkeys(sorted(getattr(one, attribute) for one in suitable)):
            rows.append(_row(name, [one for one in suitable if getattr(one, attribute) == name]))
    rows.append(_row("all", suitable))
    verdicts: dict[str, set[bool]] = {}
    for one in suitable:
        verdicts.setdefault(one.file, set()).add(one.manipulated)
    changing = sum(len(values) > 1 for values in verdicts.values())
    lines = [format_rows(rows), f"{changing} of {len(verdicts)} files change their verdict in at least one variant"]
    reasons = [one.unsuitable for one in examined if one.unsuitable is not None]
    lines += [f"cannot be judged: {reasons.count(why)} of {len(examined)}: {why}" for why in sorted(set(reasons))]
    return "\n".join(lines)


def _row(name: str, images: list) -> list[str]:
    alarms, files = [float(one.manipulated) for one in images], [one.file for one in images]
    interval = bootstrap_interval(alarms, files) if images else None
    copies = [one.copy_move for one in images]
    return [name, str(len(images)), _percent(alarms), interval_text(interval), _percent(copies)]


def _percent(values: list) -> str:
    return f"{100 * np.mean(values):.1f}" if values else "nan"
