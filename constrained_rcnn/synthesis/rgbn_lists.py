"""A generated set in the form in which RGB-N's synthetic set was released: text lists and telling file names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data import annotation_format
from ..utils.errors import UserError
from ..utils.files import write_bytes_atomic
from ..utils.output_folder import output_folder, staged
from .objects import ObjectAnnotations


def write_lists(
    json_files: Mapping[str, Path], output: Path, annotations: ObjectAnnotations | None = None
) -> list[Path]:
    """Writes ``images/Tp_<foreground id>_<background id>_<x1>_<y1>_<x2>_<y2>_<category>.png`` (the suffix is the
    file's own), ``images/Au_<background id>.png`` and a list ``<split>_filter_single.txt`` per split.

    Lines are ``<name> x1 y1 x2 y2 tamper`` and ``<name> 1 1 width height authentic``; the first pixel is 1, the
    last one included. A background that was used often is listed once as authentic.

    Args:
        json_files: split -> ``annotations/<split>.json`` of a set of single splices.
        output: made if it is not there; ``datasets/prepare_coco_synthetic.py`` reads it.
        annotations: give the photos' ids; without them an id is the last number in a photo's name, or, where
            two photos share one, its place among all of them.

    Returns:
        The lists written.

    Raises:
        UserError: an image of the set is no splice of one region; then nothing is written.
        OutputError: an output cannot be written.
    """
    with output_folder(output, "--rgbn-lists") as folder, staged(folder) as stage:
        lists = _write(json_files, stage, annotations)
    return [Path(output) / path.name for path in lists]


def _write(json_files: Mapping[str, Path], output: Path, annotations: ObjectAnnotations | None) -> list[Path]:
    """Writes images and lists; returns the lists."""
    contents = {split: annotation_format.read_json(path) for split, path in json_files.items()}
    ids = _numbers([image for content in contents.values() for image in content["images"]], annotations)
    lists, names = [], set()
    for split, content in contents.items():
        root = Path(json_files[split]).parent.parent
        boxes: dict[int, list] = {}
        for row in content["annotations"]:
            boxes.setdefault(row["image_id"], []).append(row["bbox"])
        lines = []
        for image in content["images"]:
            suffix, background = Path(image["file_name"]).suffix, ids[image["source"]]
            if image["authentic"]:
                name = f"Au_{background}{suffix}"
                corners, kind = (1, 1, image["width"], image["height"]), "authentic"
                if name in names:
                    continue
                names.add(name)
            else:
                steps = image["made"]["steps"]
                if [step["technique"] for step in steps] != ["splice"]:
                    raise UserError(
                        f"{json_files[split]}: {image['file_name']} is no single splice, the only thing RGB-N's "
                        "lists can say; use --preset rgbn"
                    )
                # The object's pieces, where something stood before it, have one box.
                rows = boxes[image["id"]]
                corners = (
                    min(x for x, _, _, _ in rows) + 1, min(y for _, y, _, _ in rows) + 1,
                    max(x + w for x, _, w, _ in rows), max(y + h for _, y, _, h in rows),
                )  # fmt: skip
                category = re.sub(r"[\W_]+", "-", steps[0].get("category", "object"))
                box = "_".join(map(str, corners))
                name = f"Tp_{ids[steps[0]['donor']]}_{background}_{box}_{category}{suffix}"
                kind = "tamper"
                if name in names:  # the same object on the same background, drawn twice
                    continue
                names.add(name)
            write_bytes_atomic(output / "images" / name, (root / image["file_name"]).read_bytes())
            lines.append(f"{name} {' '.join(map(str, corners))} {kind}")
        path = output / f"{split}_filter_single.txt"
        write_bytes_atomic(path, ("\n".join(lines) + "\n").encode())
        lists.append(path)
    return lists


def _numbers(images: Sequence[Mapping[str, Any]], annotations: ObjectAnnotations | None) -> dict[str, int]:
    """A number of its own for every photo."""
    names = {image["source"] for image in images}
    names |= {step["donor"] for image in images if not image["authentic"] for step in image["made"]["steps"]
              if "donor" in step}  # fmt: skip
    numbers = {}
    for name in sorted(names):
        digits = re.findall(r"\d+", Path(name).stem)
        number = annotations.number(name) if annotations else None
        if number is None and digits:
            number = int(digits[-1])
        if number is not None:
            numbers[name] = number
    if len(set(numbers.values())) < len(names):
        return {name: place for place, name in enumerate(sorted(names), start=1)}
    return numbers
