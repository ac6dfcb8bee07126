"""Masks that are not as published, and sets without forgeries: every converter says so and has the same options."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data import annotation_format
from constrained_rcnn.images.reading import read_mask
from constrained_rcnn.utils.errors import UserError
from tests.helpers.casia_tree import make_casia_v1, region
from tests.helpers.commands import calling
from tests.helpers.source_trees import (
    CASIA_V2,
    forged,
    make_casia_v2,
    make_coco_synthetic,
    make_columbia,
    make_coverage,
    make_nist16,
    save,
)


def make_list(root: Path) -> None:
    """Three forgeries and a list of them, as TruFor has it."""
    for number in range(3):
        save(root / f"{number}.png", forged(number, region(number)))
        save(root / f"masks/{number}.png", region(number))
    (root / "list.txt").write_text("".join(f"{number}.png,masks/{number}.png\n" for number in range(3)))


def make_plain_columbia(root: Path) -> None:
    """Columbia with masks that are white where the published ones are green."""
    for name, mask in make_columbia(root).items():
        edge = root / "4cam_splc/edgemask" / f"{Path(name).stem}_edgemask.jpg"
        edge.unlink()
        save(edge.with_suffix(".png"), mask)


@dataclass(frozen=True)
class Converter:
    """A tree, the pattern of its masks, the command that prepares it, and the white of its masks."""

    make: object
    masks: str
    command: object
    arguments: tuple[str, ...] = ("--root", "{root}", "--output", "{out}")
    name: str = ""
    white: bool = True

    def run(self, root: Path, *options: str) -> dict:
        """Prepares into ``root/../out``; the report, with the entries by name as ``entries``."""
        out = root.parent / "out"
        arguments = [word.format(root=root, out=out) for word in self.arguments]
        assert self.command([*arguments, *options]) == 0
        report = json.loads((out / f"annotations/{self.name}_report.json").read_text())
        entries = annotation_format.load(out / f"annotations/{self.name}.json")
        return {**report, "entries": {entry["file_name"]: entry for entry in entries}}

    def rewrite(self, root: Path, change) -> None:
        """Every mask's grey levels, (H, W) uint8, become ``change`` of them."""
        paths = sorted(root.glob(self.masks))
        assert paths
        for path in paths:
            with Image.open(path) as image:
                array = np.array(image.convert("L"))
            Image.fromarray(change(array)).save(path)


IMPORT = (
    "import", "--format", "trufor", "--input", "{root}/list.txt", "--base", "{root}", "--root", "{out}", "--name", "x",
)  # fmt: skip
CONVERTERS = {
    "casia_v1": Converter(make_casia_v1, "CASIA*/*/*_gt.png", calling("prepare casia"), name="casia_v1"),
    "casia_v2": Converter(make_casia_v2, "CASIA*/*_gt.png", calling("prepare casia"), name="casia_v2"),
    "coverage": Converter(
        lambda root: make_coverage(root, pairs=4), "mask/*forged.tif", calling("prepare coverage"), name="coverage"
    ),
    "columbia": Converter(make_plain_columbia, "*/edgemask/*", calling("prepare columbia"), name="columbia"),
    "nist16": Converter(
        lambda root: make_nist16(root, bases=2), "reference/*/mask/*", calling("prepare nist16"), name="nist16",
        white=False,
    ),
    "import": Converter(make_list, "masks/*", calling("prepare convert-format"), IMPORT, name="x"),
}  # fmt: skip


@pytest.fixture(params=CONVERTERS)
def tree(request, tmp_path):
    """(converter, its tree)."""
    converter = CONVERTERS[request.param]
    converter.make(tmp_path / "tree")
    return converter, tmp_path / "tree"


def masks(report: dict) -> dict[str, bytes]:
    """Masks by image, but those of images whose mask is made by subtraction."""
    subtracted = {Path(row["file"]).name for row in report["findings"] if row["kind"] == "mask by subtraction"}
    return {
        name: read_mask(entry["mask_file_name"]).tobytes()
        for name, entry in report["entries"].items()
        if entry["mask_file_name"] and Path(name).name not in subtracted
    }


def test_inverted_masks_are_noticed_and_can_be_turned(tree, caplog):
    converter, root = tree
    usual = masks(converter.run(root))
    assert usual and not caplog.text
    converter.rewrite(root, lambda grey: 255 - grey)
    report = converter.run(root)
    assert "--invert" in caplog.text
    assert {"masks inverted?", "mostly manipulated"} <= {row["kind"] for row in report["findings"]}
    caplog.clear()
    report = converter.run(root, "--invert")
    assert masks(report) == usual and not caplog.text


def test_other_values_are_named_and_can_be_said(tree):
    converter, root = tree
    usual = masks(converter.run(root))
    shutil.rmtree(root.parent / "out")
    converter.rewrite(root, lambda grey: (grey > 127).astype(np.uint8))
    message, value = _refused(converter, root), "1" if converter.white else "0"
    assert "its values are " in message and f"--mask-values {value} " in message
    assert masks(converter.run(root, "--mask-values", value)) == usual


def _refused(converter: Converter, root: Path) -> str:
    """What is said of masks of which none can be used."""
    try:
        report = converter.run(root)
    except UserError as error:  # nothing is left
        assert not list((root.parent / "out").rglob("*.json"))
        return str(error)
    # CASIA: forgeries that have no mask are left, theirs is made by subtraction.
    assert not masks(report) and "casia" in converter.name
    return " ".join(row["message"] for row in report["findings"] if row["kind"] == "no ground truth")


def test_nearly_fitting_masks_are_resampled_if_asked_and_reported(tree):
    converter, root = tree
    total = len(masks(converter.run(root)))
    shutil.rmtree(root.parent / "out")
    converter.rewrite(root, lambda grey: grey[:-3, :-3])
    assert "--fit-masks 3" in _refused(converter, root)
    report = converter.run(root, "--fit-masks", "3")
    repaired = [row for row in report["findings"] if row["kind"] == "mask size"]
    assert len(masks(report)) == len(repaired) >= total - 1  # COVERAGE: one is of twice the size, and does not fit now
    assert all("resampled from" in row["message"] and "3 pixels off" in row["message"] for row in repaired)


@pytest.mark.parametrize("name", ["coverage", "columbia", "nist16", "import"])
def test_a_set_whose_masks_are_missing_or_black_is_not_written(name, tmp_path):
    converter, root = CONVERTERS[name], tmp_path / "tree"
    converter.make(root)
    converter.rewrite(root, lambda grey: np.full_like(grey, 0 if converter.white else 255))
    with pytest.raises(UserError, match="no usable .*empty mask, nothing is .*all of it is"):
        converter.run(root)
    for path in root.glob(converter.masks):
        path.unlink()
    with pytest.raises(UserError, match="no usable "):
        converter.run(root)
    assert not list((tmp_path / "out").rglob("*.json"))


def test_a_set_whose_forged_part_is_not_there_is_not_written(tmp_path):
    make_columbia(tmp_path / "columbia")
    for path in (tmp_path / "columbia/4cam_splc").glob("*.*"):
        path.unlink()
    with pytest.raises(UserError, match="no usable forged image beside 2 authentic ones, columbia is not written"):
        calling("prepare columbia")(["--root", str(tmp_path / "columbia")])
    make_casia_v1(tmp_path / "casia")
    for path in (tmp_path / "casia/Sp").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="casia_v1 is not written"):
        calling("prepare casia")(["--root", str(tmp_path / "casia")])
    boxes = make_coco_synthetic(tmp_path / "coco", pairs=5)
    lines = [f"{Path(name).stem} 1 1 9 9 authentic" for name, image_boxes in boxes.items() if not image_boxes]
    for name in ("train", "test"):
        (tmp_path / f"coco/{name}_filter_single.txt").write_text("\n".join(lines))
    with pytest.raises(UserError, match="coco_synthetic is not written"):
        calling("prepare coco-synthetic")(["--root", str(tmp_path / "coco")])


def test_columbias_own_masks_can_be_turned_about(tmp_path):
    make_columbia(tmp_path)
    columbia = Converter(make_columbia, "", calling("prepare columbia"), name="columbia")
    columbia.make(tmp_path / "tree")
    usual, turned = masks(columbia.run(tmp_path / "tree")), masks(columbia.run(tmp_path / "tree", "--invert"))
    assert len(usual) == 3 and usual.keys() == turned.keys()
    for name, mask in usual.items():
        assert (np.frombuffer(mask, bool) ^ np.frombuffer(turned[name], bool)).all()


@pytest.mark.parametrize("place", ["Notes", "NOTES/more", ".", "CASIA 2 Groundtruth", "given"])
def test_casia_v2_finds_its_spreadsheet(tmp_path, place):
    root = tmp_path / "casia_v2"
    make_casia_v2(root)
    sheet, options = root / "CASIA 2 Groundtruth/Notes/fileNamesCorrection.xlsx", []
    if place == "given":  # beside masks that lie elsewhere
        shutil.move(root / "CASIA 2 Groundtruth", tmp_path / "masks/CASIA 2 Groundtruth")
        shutil.move(tmp_path / "masks/CASIA 2 Groundtruth/Notes", tmp_path / "masks/notes")
        options = ["--masks", str(tmp_path / "masks/CASIA 2 Groundtruth")]
    else:
        (root / place).mkdir(parents=True, exist_ok=True)
        shutil.move(sheet, root / place / "File Names Correction.xlsx")
    assert calling("prepare casia")(["--root", str(root), *options]) == 0
    entries = {Path(e["file_name"]).stem: e for e in annotation_format.load(root / "annotations/casia_v2.json")}
    for stem, _, _, technique in CASIA_V2:
        assert entries[stem]["technique"] == technique


def test_numbers_and_names_that_stand_twice_are_listed(tmp_path):
    make_coverage(tmp_path / "coverage", pairs=3)
    shutil.copy(tmp_path / "coverage/image/2t.tif", tmp_path / "coverage/image/02t.tiff")
    assert calling("prepare coverage")(["--root", str(tmp_path / "coverage")]) == 0
    rows = json.loads((tmp_path / "coverage/annotations/coverage_report.json").read_text())["findings"]
    assert [(row["action"], row["file"]) for row in rows if row["kind"] == "number twice"] == [
        ("skipped", "image/2t.tif")
    ]
    boxes = make_coco_synthetic(tmp_path / "coco", pairs=3)
    name = next(name for name, image_boxes in boxes.items() if image_boxes)
    (tmp_path / "coco/other").mkdir()
    shutil.copy(tmp_path / "coco/images" / name, tmp_path / "coco/other" / name)
    assert calling("prepare coco-synthetic")(["--root", str(tmp_path / "coco")]) == 0
    entries = annotation_format.load(tmp_path / "coco/annotations/coco_synthetic.json")
    assert name not in {Path(entry["file_name"]).name for entry in entries} and len(entries) == len(boxes) - 1
    assert "which one is listed is not said" in (tmp_path / "coco/annotations/coco_synthetic_report.json").read_text()
