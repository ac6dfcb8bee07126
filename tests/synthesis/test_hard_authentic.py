"""Hard authentic images: every kind is made, is authentic in the set, and leaves the forgeries as they are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from constrained_rcnn.data import annotation_format
from constrained_rcnn.synthesis import get_preset, write_forgeries
from constrained_rcnn.synthesis.forgery import decode
from constrained_rcnn.synthesis.hard_authentic import OF_NOTHING, OF_PHOTOS, hard_authentic
from constrained_rcnn.synthesis.scenes import render_scene
from constrained_rcnn.utils.errors import UserError

SIZE = (96, 112)
PHOTOS = [(f"p{seed}", render_scene(seed, (128, 160))) for seed in range(5)]


@pytest.mark.parametrize("kind", [*OF_PHOTOS, *OF_NOTHING])
def test_kinds(kind):
    for seed in range(3):
        forgery = hard_authentic(PHOTOS[0][1], np.random.default_rng(seed), get_preset("people"), SIZE, kind)
        image = decode(forgery.authentic_file)
        assert image.shape == (*SIZE, 3) and not forgery.mask.any() and forgery.description["hard"] == kind
        assert image.std() > 0.1 or kind == "blown-flat"


def test_they_stand_in_the_set_as_authentic_ones(tmp_path):
    options = {"preset": "people", "techniques": ("copy-move",), "authentic": 0.5}
    plain = write_forgeries(PHOTOS, tmp_path / "a", "train", 4, 1, size=SIZE, **options)
    with_hard = write_forgeries(PHOTOS, tmp_path / "b", "train", 4, 1, size=SIZE, hard_authentic=0.75, **options)
    assert with_hard["forged"] == 4 and with_hard["authentic"] == plain["authentic"] + 3
    rows = [json.loads(written["json_file"].read_text())["images"] for written in (plain, with_hard)]
    hard = [row for row in rows[1] if "hard" in row.get("made", {})]
    assert len(hard) == 3 and all(row["authentic"] and row["mask_file"] is None for row in hard)
    assert rows[1][: len(rows[0])] == rows[0]
    assert {row["group"] for row in hard} <= {row["group"] for row in rows[0]}
    for row in rows[0]:
        assert (tmp_path / "a" / row["file_name"]).read_bytes() == (tmp_path / "b" / row["file_name"]).read_bytes()
    assert len(annotation_format.load(with_hard["json_file"])) == len(rows[1])


def test_other_presets_have_none(tmp_path):
    with pytest.raises(UserError, match="people only"):
        write_forgeries(PHOTOS, tmp_path, "train", 2, 0, size=SIZE, preset="careful", hard_authentic=0.5)
