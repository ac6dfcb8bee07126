"""From a source's samples to the annotation format: decoded, checked, cut into instances, split, written.

A run that is killed is taken up where it stopped (a journal keeps what is done), and a run over inputs that
have not changed does nothing. Until all is made it lies in a hidden folder, so that what was there before stays
whole. Images are decoded once, by threads (Pillow and OpenCV work outside of the interpreter lock), only
a few at a time: memory does not grow with the number of images.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..data import annotation_format
from ..utils.errors import OutputError, UserError
from ..utils.files import UNFINISHED, write_json_atomic
from ..utils.journal import Journal
from ..utils.output_folder import publish
from .duplicates import duplicates, shared_pixels
from .findings import NOTED, SKIPPED, Finding, table
from .plan import VERSION, Plan
from .records import make_records
from .sides import sides_of
from .sources import MOSTLY, Scan
from .splits import SIDES, group_by_sources, write_split

logger = logging.getLogger(__name__)


def prepare(plan: Plan, scan: Callable[[], Scan]) -> dict[str, Any]:
    """Prepares a data set, or finds that it is prepared.

    Args:
        plan: names, folders and options.
        scan: lists the source's samples; called only if there is something to do.

    Returns:
        The report, as in ``annotations/<name>_report.json``, plus ``"unchanged"``: True where nothing was
        done.

    Raises:
        UserError: no usable forged image in the source, a split file that does not fit, another run at work.
        OutputError: an output cannot be written. What an earlier run prepared is as it was then, as it is after any
            other error: masks and annotations take their places when all are made.
    """
    started = time.monotonic()
    fingerprint = plan.fingerprint()
    report = _finished(plan, fingerprint)
    if report is not None:
        return {**report, "unchanged": True}
    try:
        plan.annotations.mkdir(parents=True, exist_ok=True)
        (plan.annotations / f".{plan.name}.journal").touch()
    except OSError as error:
        raise OutputError(f"{plan.annotations}: cannot be written ({error.strerror}); give another --output") from None
    stage = plan.output / f"{UNFINISHED}-{plan.name}"
    with Journal(plan.annotations / f".{plan.name}.journal", fingerprint) as journal:
        report = _finished(plan, fingerprint)  # another run may have done it meanwhile
        if report is not None:
            journal.remove()
            return {**report, "unchanged": True}
        previous = _read_report(plan)
        if not journal.found:
            shutil.rmtree(stage, ignore_errors=True)  # of other inputs
        scanned = scan()
        samples = {_relative(sample.image, plan.image_root): sample for sample in scanned.samples}
        records = dict(make_records(plan.name, stage, samples, journal, workers=plan.workers))
        findings = [*scanned.findings, *(Finding(**row) for record in records.values() for row in record["findings"])]
        prints = {name: record["print"] for name, record in records.items() if record["print"]}
        repeated = shared_pixels(prints)
        groups = group_by_sources(
            {
                name: (*sample.sources, *([repeated[name]] if name in repeated else ()))
                for name, sample in samples.items()
            }
        )
        images, annotations = _numbered(records, groups)
        try:
            _check_forged(plan, images, findings)
        except UserError:  # no run will go on from here: other files or options are needed
            journal.remove()
            shutil.rmtree(stage, ignore_errors=True)
            raise
        findings += _mostly_manipulated(plan, [record["share"] for record in records.values()])
        strata = {name: sample.stratum for name, sample in samples.items() if sample.stratum}
        side, split_lines = sides_of(plan, images, strata, findings)
        findings += duplicates(prints, groups, side)
        report = _write(plan, stage, images, annotations, findings, side, split_lines)
        report.update(fingerprint=fingerprint, seconds=round(time.monotonic() - started, 1), resumed=journal.found)
        publish(stage, plan.output)
        write_json_atomic(plan.report_file, report, indent=1)  # last: it stands for all that it lists
        journal.remove()
        _remove_stale(plan, previous, report)
    return {**report, "unchanged": False}


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """The report in words, for printing."""
    if report["unchanged"]:
        return [f"{report['name']}: nothing to do, prepared from these files already ({report['report_file']})"]
    counts = report["counts"]
    out = [
        f"{report['name']}: {counts['images']} images in {report['seconds']} s"
        + (f" ({report['resumed']} of them were done by an earlier run)" if report["resumed"] else "")
    ]
    out += [f"  {technique}: {number}" for technique, number in sorted(counts["techniques"].items())]
    out += [f"  regions: {counts['regions']}, small regions kept in the masks only: {counts['specks']} pixels"]
    out += [f"  {line}" for line in report["split"]]
    out += table(Finding(**row) for row in report["findings"])
    out += [f"wrote {name}" for name in report["files"]] + [f"wrote {report['report_file']}"]
    return out


def _check_forged(plan: Plan, images: list[dict], findings: list[Finding]) -> None:
    """A set without its forged part teaches and tests nothing, and nobody would look for it in the report."""
    if images and (plan.authentic_only or not all(image["authentic"] for image in images)):
        return
    lost = sorted(
        (finding for finding in findings if finding.action == SKIPPED),
        key=lambda finding: (
            finding.kind != "no ground truth",
            finding.kind in ("mask without image", "unreadable"),
            finding,
        ),
    )
    problem = "no usable image" if not images else f"no usable forged image beside {len(images)} authentic ones"
    reason = f"{len(lost)} problems; first: {lost[0].file}: {lost[0].message}" if lost else "and none that was skipped"
    advice = "; for authentic images alone give --authentic-only" if images and plan.authentic_only is False else ""
    raise UserError(f"{plan.image_root}: {problem}, {plan.name} is not written ({reason}){advice}")


def _mostly_manipulated(plan: Plan, shares: list[float | None]) -> list[Finding]:
    """A finding where most images are manipulated for the most part: then all masks are probably inverted."""
    known_shares = [share for share in shares if share is not None]
    mostly = sum(share > MOSTLY for share in known_shares)
    if 2 * mostly <= len(known_shares):
        return []
    message = (
        f"{mostly} of {len(known_shares)} masks mark more than half of their image; if they are inverted (white means "
        "manipulated, in NIST16's black), prepare the set again with --invert"
    )
    logger.warning("%s: %s", plan.name, message)
    return [Finding(NOTED, "masks inverted?", plan.name, message)]


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        raise UserError(f"{path}: not under the image root {root}") from None


def _numbered(records: Mapping[str, dict], groups: Mapping[str, str]) -> tuple[list[dict], list[dict]]:
    images: list[dict] = []
    annotations: list[dict] = []
    for name in sorted(records):
        record = records[name]
        if record["image"] is None:
            continue
        number = len(images) + 1
        images.append({"id": number, **record["image"], "group": groups[name], "_specks": record["specks"]})
        for annotation in record["annotations"]:
            annotations.append({"id": len(annotations) + 1, "image_id": number, **annotation})
    return images, annotations


def _write(
    plan: Plan,
    stage: Path,
    images: list[dict],
    annotations: list[dict],
    findings: list[Finding],
    side: Mapping[str, str],
    split_lines: list[str],
) -> dict[str, Any]:
    specks = sum(image.pop("_specks") for image in images)
    classes = annotation_format.class_names(image["technique"] for image in images)
    parts = {"": images, "_authentic": [image for image in images if image["authentic"]]}
    if side:
        parts |= {f"_{name}": [image for image in images if side.get(image["file_name"]) == name] for name in SIDES}
    files = []
    for suffix, part in parts.items():
        if suffix and not part:
            continue
        ids = {image["id"] for image in part}
        path = stage / "annotations" / f"{plan.name}{suffix}.json"
        annotation_format.write(
            path,
            part,
            [row for row in annotations if row["image_id"] in ids],
            classes=classes,
            image_root=plan.recorded_root,
            info={"prepared_by": "constrained_rcnn", "version": VERSION},
        )
        files.append(f"annotations/{path.name}")
    if side:
        path = stage / "annotations" / f"{plan.name}_split.json"
        write_split(
            path, plan.name, side, note=f"seed {plan.seed}" if not plan.split_file else f"from {plan.split_file}"
        )
        files.append(f"annotations/{path.name}")
    return {
        "name": plan.name,
        "report_file": f"annotations/{plan.report_file.name}",
        "files": files,
        "masks": [image["mask_file"] for image in images if image["mask_file"]],
        "counts": {
            "images": len(images),
            "techniques": dict(Counter(image["technique"] for image in images)),
            "regions": len(annotations),
            "specks": specks,
            "groups": len({image["group"] for image in images}),
        },
        "split": split_lines,
        "findings": [finding.as_dict() for finding in sorted(findings)],
    }


def _read_report(plan: Plan) -> dict[str, Any] | None:
    try:
        return json.loads(plan.report_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _finished(plan: Plan, fingerprint: str) -> dict[str, Any] | None:
    """The report of a run over the same inputs whose outputs are all there, or None."""
    report = _read_report(plan)
    if not report or report.get("fingerprint") != fingerprint:
        return None
    files = [*report["files"], *report["masks"]]
    return report if all(os.path.isfile(plan.output / file) for file in files) else None


def _remove_stale(plan: Plan, previous: Mapping[str, Any] | None, report: Mapping[str, Any]) -> None:
    """Deletes what an earlier run wrote and this one did not: no old mask or split is taken for a new one."""
    if not previous:
        return
    previous_files = {*previous.get("files", []), *previous.get("masks", [])}
    for file in previous_files - {*report["files"], *report["masks"]}:
        if file.startswith((f"annotations/{plan.name}", f"masks/{plan.name}/")) and ".." not in Path(file).parts:
            (plan.output / file).unlink(missing_ok=True)
