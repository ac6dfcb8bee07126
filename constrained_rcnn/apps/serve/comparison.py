"""Comparison of two uploads, in the worker process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ... import __version__
from ...matching.image_pairs import Described, compare
from ...matching.similarity import OUTSIDE, warped
from ...utils.files import write_jpeg_atomic
from ...utils.journal import Journal
from ...utils.provenance import now, versions
from ..compare.comparisons import Comparisons
from ..compare.page import write_page
from ..compare.results import JOURNAL
from ..image_pages import Item
from .runner import Failed
from .worker import Assignment


def compare_two(task: Assignment) -> dict | Failed:
    """Compares as ``constrained-rcnn compare`` does, and writes its page and images into the task's folder; of two
    versions of one image also ``before.jpg``, the first, and ``after.jpg``, the second laid on it.

    Returns:
        ``pair``: the record of ``pairs.json``, or None where the two have nothing in common.
    """
    with Journal(task.folder / JOURNAL, f"constrained_rcnn {__version__}, pairs") as journal:
        work = Comparisons(task.folder, journal, False)
        items = Item(task.other, label=task.other_label), Item(task.file, label=task.label)
        first, second = map(work.read, items)
        if first and second:
            work.compare_pair((first, second), first.key + second.key)
            _write_laid(task.folder, first.described, second.described)
    (task.folder / JOURNAL).unlink()
    if work.skipped:
        return Failed("; ".join(f"{entry['file']}: {entry['reason']}" for entry in work.skipped))
    about = {"time": now(), "versions": versions(("numpy", "PIL", "cv2")), "finished": True}
    write_page(task.folder, work.pairs, [], about, images=2, compared=1)
    return {"pair": work.pairs[0] if work.pairs else None}


def _write_laid(folder: Path, first: Described, second: Described) -> None:
    version = next((shared for shared in compare(first, second) if shared.same_picture), None)
    if version is None:
        return
    before = first.pixels()
    after = warped(second.pixels().astype(np.float32), version.transform, before.shape, inverse=True)
    after = np.where(after > OUTSIDE / 2, np.clip(np.rint(after), 0, 255), before).astype(np.uint8)
    write_jpeg_atomic(folder / "before.jpg", before, 88)
    write_jpeg_atomic(folder / "after.jpg", after, 88)
