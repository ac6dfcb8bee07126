"""Which images of a set are trained on and which tested: by a split file, or drawn by whole groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..utils.errors import UserError
from .findings import NOTED, SKIPPED, Finding
from .plan import Plan
from .splits import SIDES, read_split, split_groups, straddling_groups


def sides_of(
    plan: Plan, images: list[dict], strata: Mapping[str, str], findings: list[Finding]
) -> tuple[dict[str, str], list[str]]:
    """The side of each image, and what is to be said about it.

    Args:
        plan: with a split file or a share to test on, or neither.
        images: entries of the annotation format.
        strata: image name -> what the split is stratified by, where it is not the technique.
        findings: what is odd about the split is added.

    Returns:
        Image name -> "train" or "test" (empty without a split), and lines for the report.

    Raises:
        UserError: the split file cannot be read, or names no image of the set.
    """
    groups = {image["file_name"]: image["group"] for image in images}
    if plan.split_file:
        side = read_split(plan.split_file)
        for name in sorted(set(side) - set(groups)):
            findings.append(
                Finding(SKIPPED, "split: unknown image", name, "listed in the split file, but no image of this set")
            )
        for name in sorted(set(groups) - set(side)):
            findings.append(
                Finding(NOTED, "split: not listed", name, "not in the split file: in neither train nor test")
            )
        for group in straddling_groups(groups, side):
            findings.append(
                Finding(NOTED, "split: group on both sides", group, "this group of one source has images on both sides")
            )
        side = {name: side_name for name, side_name in side.items() if name in groups}
        if not side:
            raise UserError(f"{plan.split_file}: names no image of {plan.name}; names are relative to the image root")
        counts = Counter(side.values())
        findings += _sides_without_forged(side, images)
        return side, [f"split file: {counts['train']} train, {counts['test']} test"]
    if plan.test_fraction is None:
        return {}, []
    strata = {image["file_name"]: strata.get(image["file_name"], image["technique"]) for image in images}
    outcome = split_groups(groups, strata, test_fraction=plan.test_fraction, seed=plan.seed)
    findings += _sides_without_forged(outcome.side, images)
    return outcome.side, outcome.lines()


def _sides_without_forged(side: Mapping[str, str], images: list[dict]) -> list[Finding]:
    forged = {side.get(image["file_name"]) for image in images if not image["authentic"]}
    empty = [name for name in SIDES if name in side.values() and name not in forged]
    return [Finding(NOTED, "split: no forged image", name, "authentic images only on this side") for name in empty]
