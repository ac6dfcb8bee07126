"""Comparison of two uploads, in the worker process."""

from __future__ import annotations

from ... import __version__
from ...utils.journal import Journal
from ...utils.provenance import now, versions
from ..compare.page import write_page
from ..compare.run import JOURNAL, Comparisons
from ..image_pages import Item
from .runner import Failed
from .worker import Assignment


def compare_two(task: Assignment) -> dict | Failed:
    """Compares as ``constrained-rcnn compare`` does, and writes its page and images into the task's folder.

    Returns:
        ``pair``: the record of ``pairs.json``, or None where the two have nothing in common.
    """
    with Journal(task.folder / JOURNAL, f"constrained_rcnn {__version__}, pairs") as journal:
        work = Comparisons(task.folder, journal, False)
        items = Item(task.other, label=task.other_label), Item(task.file, label=task.label)
        first, second = map(work.read, items)
        if first and second:
            work.compare_pair((first, second), first.key + second.key)
    (task.folder / JOURNAL).unlink()
    if work.skipped:
        return Failed("; ".join(f"{entry['file']}: {entry['reason']}" for entry in work.skipped))
    about = {"time": now(), "versions": versions(("numpy", "PIL", "cv2")), "finished": True}
    write_page(task.folder, work.pairs, [], about, images=2, compared=1)
    return {"pair": work.pairs[0] if work.pairs else None}
