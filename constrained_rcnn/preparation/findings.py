"""What preparation found in a data set: one line per file and problem, nothing dropped silently."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

#: What became of the file, worst first.
SKIPPED, REPAIRED, NOTED = "skipped", "repaired", "noted"
ACTIONS = (SKIPPED, REPAIRED, NOTED)


@dataclass(frozen=True, order=True)
class Finding:
    """One problem of one file.

    Attributes:
        action: ``skipped`` (the image is not in the set), ``repaired`` (it is, repaired as the message says),
            ``noted`` (it is, as it was).
        kind: short name of the problem, the same for all such files: ``unreadable``, ``mask size``, ...
        file: the file, relative to its root where it has one.
        message: what is wrong and what was done.
    """

    action: str
    kind: str
    file: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return {"action": self.action, "kind": self.kind, "file": self.file, "message": self.message}


def table(findings: Iterable[Finding], *, per_kind: int = 10) -> list[str]:
    """Lines of a table for people: a heading with the count per kind, then a line per file.

    Args:
        findings: in any order.
        per_kind: so many files are listed of each kind; the JSON report has them all.
    """
    kinds: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[finding.action, finding.kind].append(finding)
    lines = []
    for action, kind in sorted(kinds, key=lambda key: (ACTIONS.index(key[0]), key[1])):
        rows = sorted(kinds[action, kind])
        lines.append(f"{action:<8}  {kind} ({len(rows)})")
        lines += [f"          {row.file}: {row.message}" for row in rows[:per_kind]]
        if len(rows) > per_kind:
            lines.append(f"          ... and {len(rows) - per_kind} more in the report")
    return lines or ["nothing to report"]
