"""Can authentic and tampered files be told apart without looking at a pixel? (NumPy and Pillow only)

Where they can, an image-level score may measure the collector's software instead of forgery: on CASIA v1 the
JPEG quantisation table alone is right for nearly every file.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..data import annotation_format
from ..data.lookup import annotation_file
from ..images.reading import FORMATS
from ..utils.errors import UserError
from ..utils.files import write_json_atomic
from .metrics.confidence import bootstrap, bootstrap_interval, group_labels
from .metrics.image import divided
from .table import format_rows, interval_text

#: What is read off a file, and whether a network that sees nothing but pixels can learn it.
TRAITS = {"quantisation": True, "size": True, "format": True, "metadata": False, "name_length": False}
#: A trait is flagged where its balanced accuracy is over this with 95% confidence (chance: 0.5).
FLAGGED_OVER = 0.6
FOLDS = 5


def file_traits(path: str | os.PathLike) -> dict[str, str]:
    """What a file says before any pixel is decoded.

    Returns:
        ``quantisation``: digest of the JPEG tables and the chroma subsampling, "none" for other formats.
        ``size``: "width x height" as stored. ``format``: Pillow's name and mode. ``metadata``: which kinds are
        there, not what they say. ``name_length``: characters of the file's name.

    Raises:
        UserError: the file is no image.
    """
    path = Path(path)
    try:
        with Image.open(path, formats=FORMATS) as image:
            tables = getattr(image, "quantization", None)
            quantisation = "none"
            if tables:
                sampling = [part[1:3] for part in getattr(image, "layer", ())]
                numbers = json.dumps([sorted((k, list(v)) for k, v in tables.items()), sampling])
                quantisation = f"{zlib.crc32(numbers.encode()):08x}"
            return {
                "quantisation": quantisation,
                "size": f"{image.width}x{image.height}",
                "format": f"{image.format} {image.mode}",
                "metadata": " ".join(sorted(str(key) for key in image.info if not str(key).startswith("jfif_"))),
                "name_length": str(len(path.name)),
            }
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except Exception as error:  # whatever Pillow's parsers raise at bad bytes
        raise UserError(f"{path}: not an image ({' '.join(str(error).split()) or type(error).__name__})") from None


def audit(
    dataset_dicts: Sequence[Mapping[str, Any]], *, seed: int = 0, progress: Callable[[Iterable], Iterable] = iter
) -> dict[str, Any]:
    """How well each trait, and all together, tell authentic from tampered files.

    Args:
        dataset_dicts: with ``file_name``, ``authentic`` and, where known, ``group``.
        seed: of the assignment of groups to folds.
        progress: wraps the iteration over the files, for instance ``tqdm``.

    Returns:
        ``traits``: name (also "visible": all that a network can learn, and "all") -> ``accuracy``,
        ``balanced_accuracy`` in [0, 1], ``interval`` (lower, upper) of the latter over groups, ``fitted``
        (accuracy where each value votes with the majority of its own files, not cross-validated: what a table
        of all values would reach), ``flagged``, ``visible``. ``flagged``: any visible one is.
        ``n_tampered``, ``n_authentic``, ``n_groups``, ``skipped``: lines on files that cannot be read.

    Raises:
        UserError: fewer than two groups with files of either kind, or only one kind.
    """
    files, skipped = [], []
    for item in progress(dataset_dicts):
        try:
            files.append((item, file_traits(item["file_name"])))
        except UserError as error:
            skipped.append(str(error))
    tampered = np.array([not item["authentic"] for item, _ in files], bool)
    labels = group_labels([item for item, _ in files])
    groups = int(labels.max(initial=-1)) + 1
    if not tampered.any() or tampered.all() or groups < 2:
        raise UserError(
            f"{int(tampered.sum())} tampered and {int((~tampered).sum())} authentic files in {groups} groups: an audit "
            "needs both kinds, in two groups or more; give a split that holds both"
        )
    visible = [name for name, is_visible in TRAITS.items() if is_visible]
    sets = {name: [name] for name in TRAITS} | {"visible": visible, "all": list(TRAITS)}
    results = {}
    for name, names in sets.items():
        columns = [_numbered([traits[n] for _, traits in files]) for n in names]
        right = cross_validated(columns, tampered, labels, seed) == tampered
        balanced = 0.5 * (right[tampered].mean() + right[~tampered].mean())
        interval = _balanced_interval(right, tampered, labels)
        results[name] = {
            "accuracy": float(right.mean()),
            "accuracy_interval": bootstrap_interval(right.astype(float), labels),
            "fitted": _fitted(columns, tampered),
            "balanced_accuracy": float(balanced),
            "interval": interval,
            "flagged": bool(interval[0] > FLAGGED_OVER),
            "visible": all(TRAITS[n] for n in names),
        }
    return {
        "traits": results,
        "flagged": any(r["flagged"] for r in results.values() if r["visible"]),
        "n_tampered": int(tampered.sum()),
        "n_authentic": int((~tampered).sum()),
        "n_groups": groups,
        "skipped": skipped,
    }


def audit_dataset(dataset: str, *, seed: int = 0, progress: Callable = iter) -> tuple[dict[str, Any], Path]:
    """What ``constrained-rcnn audit`` does: audits a prepared split and writes the verdict beside it.

    Returns:
        The audit, and the file it was written to.

    Raises:
        UserError: see :func:`audit`; or the set is no prepared one.
    """
    path, image_root = annotation_file(dataset)
    if path is None:
        raise UserError(f"{dataset}: no prepared split of that name; give <root>/annotations/<split>.json")
    result = audit(annotation_format.load(path, image_root), seed=seed, progress=progress)
    try:
        return result, write_audit(path, result)
    except OSError as error:
        raise UserError(f"{audit_file(path)}: cannot be written ({error.strerror})") from None


def cross_validated(columns: Sequence[np.ndarray], labels: np.ndarray, groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """Naive Bayes with equal priors, each file classified by the groups of the other folds.

    Args:
        columns: per trait (N,) int64, 0-based number of the file's value.
        labels: (N,) bool.
        groups: (N,) int64, 0-based.
        seed: of the folds.

    Returns:
        (N,) bool, the prediction; a draw is False.
    """
    fold = np.random.default_rng(seed).permutation(int(groups.max()) + 1)[groups] % FOLDS
    predicted = np.zeros(len(labels), bool)
    for number in range(FOLDS):
        held_out = fold == number
        odds = np.zeros(int(held_out.sum()))
        for column in columns:
            values = int(column.max()) + 1
            class_counts = [
                np.bincount(column[~held_out & (labels == side)], minlength=values) for side in (True, False)
            ]
            counts = [side + 0.5 for side in class_counts]
            ratio = np.log(counts[0] / counts[0].sum() * counts[1].sum() / counts[1])
            odds += np.where(class_counts[0] + class_counts[1] > 0, ratio, 0)[
                column[held_out]
            ]  # a new value says nothing
        predicted[held_out] = odds > 1e-9
    return predicted


def audit_table(result: Mapping[str, Any]) -> str:
    """The audit as text, in per cent."""
    rows = [["told apart by (%)", "fitted", "accuracy", "balanced", "95% interval", "verdict"]]
    for name, entry in result["traits"].items():
        verdict = "gives them away" if entry["flagged"] else "harmless"
        numbers = [f"{100 * entry[key]:.2f}" for key in ("fitted", "accuracy", "balanced_accuracy")]
        rows.append([name, *numbers, interval_text(entry["interval"]), verdict])
    head = f"n(tampered) = {result['n_tampered']}, n(authentic) = {result['n_authentic']}, {result['n_groups']} groups"
    end = (
        "FLAGGED: image-level scores on these files are not to be trusted; recompress all alike "
        "(constrained-rcnn recompress) and evaluate that"
        if result["flagged"]
        else "not flagged: nothing that a network can see of the files alone tells them apart"
    )
    return f"{format_rows(rows)}\n{head}\n{end}"


def audit_file(annotations: str | os.PathLike) -> Path:
    """Where the audit of a prepared split stands: ``<split>_audit.json`` beside its annotations."""
    path = Path(annotations)
    return path.with_name(f"{path.stem}_audit.json")


def write_audit(annotations: str | os.PathLike, result: Mapping[str, Any]) -> Path:
    """Writes an audit where evaluations look for it. Returns the file."""
    write_json_atomic(audit_file(annotations), result, indent=2)
    return audit_file(annotations)


def audit_warning(annotations: str | os.PathLike | None) -> str | None:
    """What an evaluation has to say beside its image-level scores.

    Args:
        annotations: of the split evaluated, or None where it is unknown. Its own audit counts, else that of
            the whole it belongs to: for ``casia_v1_test`` also ``casia_v1_audit.json``.

    Returns:
        One line, or None where no audit was made or nothing was found.
    """
    if annotations is None:
        return None
    parts = Path(annotations).stem.split("_")
    for length in range(len(parts), 0, -1):
        path = audit_file(Path(annotations).with_name("_".join(parts[:length]) + ".json"))
        if not path.is_file():
            continue
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            if not result["flagged"]:
                return None
            worst = max((n for n in TRAITS if TRAITS[n]), key=lambda n: result["traits"][n]["balanced_accuracy"])
            share = result["traits"][worst]["accuracy"]
        except (OSError, ValueError, KeyError, TypeError):
            return f"{path.name} cannot be read; make it again with constrained-rcnn audit"
        return (
            f"image_auc, image_f1 and image_bacc are not to be trusted here: {worst} alone, without a pixel, tells "
            f"authentic from tampered in {100 * share:.2f}% of the files ({path.name}); recompress all alike with "
            "constrained-rcnn recompress and evaluate that"
        )
    return None


def _balanced_interval(right: np.ndarray, tampered: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    def balanced(weights: np.ndarray) -> dict[str, np.ndarray]:
        sides = [weights[:, side] for side in (tampered, ~tampered)]
        shares = [divided(w @ right[side], w.sum(axis=1)) for w, side in zip(sides, (tampered, ~tampered))]
        return {"balanced": 0.5 * (shares[0] + shares[1])}

    return bootstrap(balanced, ["balanced"], labels, resamples=1000)["balanced"]


def _fitted(columns: Sequence[np.ndarray], tampered: np.ndarray) -> float:
    joint = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    sides = np.stack([np.bincount(joint[tampered == side], minlength=joint.max() + 1) for side in (True, False)])
    return float(sides.max(axis=0).sum() / len(tampered))


def _numbered(values: Sequence[str]) -> np.ndarray:
    return np.unique(np.array(values), return_inverse=True)[1].astype(np.int64)
