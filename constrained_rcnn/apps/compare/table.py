"""Pairs of images as CSV, most telling first."""

from __future__ import annotations

import csv
import io

from ..detect.table import LEFT_OUT, harmless

#: What two files can be to each other, in the order in which they are listed.
ALTERED, PART, SAME, SAME_FILE = "same picture, altered", "shared region", "same picture", "same file"
RELATIONS = (ALTERED, PART, SAME, SAME_FILE)
COLUMNS = (
    "first", "second", "relation", "first_altered", "second_altered", "similarity", "matches", "overlap", "mirrored",
    "scale", "angle", "name", "first_sha256", "second_sha256", "reason", "first_reading", "second_reading",
)  # fmt: skip


def order(record: dict) -> tuple:
    """Sorts the records of pairs: the most telling first, by relation, then by how many keypoints agree."""
    matches = record["shared"][0]["matches"] if record["shared"] else 0
    return RELATIONS.index(record["relation"]), -matches, record["first"], record["second"]


def table(pairs: list[dict], skipped: list[dict], left_out: list[dict]) -> bytes:
    """The pairs as CSV, UTF-8; regions of a pair beyond the largest are in the JSON.

    Args:
        pairs: their records, in order.
        skipped, left_out: ``{"file", "reason"}`` each.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    rows = [{**pair, **(pair["shared"] or [{}])[0]} for pair in pairs]
    for relation, entries in (("skipped", skipped), (LEFT_OUT, left_out)):
        rows += [{"first": entry["file"], "relation": relation, "reason": entry["reason"]} for entry in entries]
    for row in rows:
        writer.writerow([harmless("" if row.get(column) is None else row[column]) for column in COLUMNS])
    return text.getvalue().encode("utf-8")
