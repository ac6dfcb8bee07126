"""Real results hold to the JSON Schema of the package; facts of the file are in JSON, table and page."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
from jsonschema import ValidationError, validate
from PIL import ExifTags, Image

from constrained_rcnn.apps.detect.run import run
from constrained_rcnn.apps.detect.table import COLUMNS, row_of
from constrained_rcnn.apps.evidence.options import ALL_WITNESSES
from tests.apps.detect.test_run import CONFIG
from tests.helpers import schemas
from tests.helpers.copied import forged, photo

SCHEMA = "detect/schema/result-1.json"
#: Keys of the release before there was a schema, and the columns, which only grow at the end.
EARLIER = {
    "file", "sha256", "bytes", "time", "name", "weights", "config_sha256", "versions", "decision", "manipulated",
    "score", "threshold", "rarity", "unsuitable", "covered", "techniques", "height", "width", "views", "tiled", "tiles",
    "reading", "detections", "repeats",
}  # fmt: skip
EARLIER_COLUMNS = (
    "file", "status", "score", "threshold", "one_in", "kind", "covered", "techniques", "regions", "repeats", "width",
    "height", "sha256", "time", "name", "reason", "weights_sha256", "config_sha256", "reading",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(options, tmp_path_factory):
    """Results of a photo with a camera, a place and a duplicated region, and of one without."""
    folder = tmp_path_factory.mktemp("schema")
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "<b>Maker</b>", "=Model\x01 " + "9" * 500
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (48.0, 51.0, 29.987)
    pixels, _ = forged(photo())
    Image.fromarray(pixels[:, :, ::-1]).save(folder / "copied.jpg", quality=95, exif=exif)
    Image.fromarray(np.full((40, 50, 3), 90, np.uint8)).save(folder / "plain.png")
    run(CONFIG, [str(folder / "copied.jpg"), str(folder / "plain.png")], str(folder / "out"), options)
    return folder


def test_results_hold_to_the_schema_and_keep_the_earlier_keys(folder):
    copied, plain = (json.loads((folder / "out" / f"{name}.json").read_text()) for name in ("copied", "plain"))
    for record in (copied, plain):
        schemas.check(record, SCHEMA)
        assert EARLIER < record.keys() and record["schema_version"] == 1
        assert [one["witness"] for one in record["evidence"]["findings"]] == list(ALL_WITNESSES)
    assert copied["repeats"] and copied["detections"]  # so that their rules were tried
    rules = json.loads((schemas.APPS / SCHEMA).read_text())
    assert set(rules["required"]) == rules["properties"].keys() == copied.keys()
    validate({**copied, "new_in_a_later_release": 1}, rules)
    for wrong in ({"score": 1.5}, {"sha256": "x"}, {"detections": [{}]}, {"schema_version": 2}, {"repeats": [{}]},
                  {"evidence": {"findings": []}}):  # fmt: skip
        with pytest.raises(ValidationError):
            validate({**copied, **wrong}, rules)


def test_camera_format_and_size_are_told_and_no_place(folder):
    out = folder / "out"
    record = json.loads((out / "copied.json").read_text())
    size = (folder / "copied.jpg").stat().st_size
    camera = {"make": "<b>Maker</b>", "model": "=Model " + "9" * 57}
    assert record["file_facts"] == {"format": "JPEG", "bytes": size, "camera": camera}
    assert COLUMNS[: len(EARLIER_COLUMNS)] == EARLIER_COLUMNS
    with open(out / "results.csv", encoding="utf-8", newline="") as file:
        row, other = sorted(csv.DictReader(file), key=lambda row: row["name"])
    assert (row["format"], row["bytes"], row["camera"]) == ("JPEG", str(size), f"<b>Maker</b> {camera['model']}")
    assert (other["format"], other["camera"]) == ("PNG", "")
    page = (out / "results.html").read_text(encoding="utf-8")
    assert "camera: &lt;b&gt;Maker&lt;/b&gt; =Model 999" in page and "<b>Maker" not in page and "JPEG, " in page
    for path in out.rglob("*"):
        if path.is_file():
            content = re.sub(rb"base64,[\w+/=]+", b"", path.read_bytes())  # of an inlined image, where chance writes
            assert b"29.98" not in content and b"GPS" not in content, path.name


def test_results_of_earlier_versions_have_no_facts(folder):
    record = json.loads((folder / "out" / "plain.json").read_text())
    row = row_of({key: value for key, value in record.items() if key in EARLIER})
    assert (row["format"], row["bytes"], row["camera"]) == ("", None, "")
