"""The record of a result: its overlay on the disk, and its names of the last release."""

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.inference.result import ManipulationResult
from tests.helpers.stand_ins import noise


@pytest.mark.parametrize("name, kind", [("overlay.jpg", "JPEG"), ("overlay.PNG", "PNG"), ("overlay", "JPEG")])
def test_overlays_are_saved(tmp_path, name, kind):
    manipulation_map = np.zeros((64, 80), np.float32)
    ManipulationResult(False, 0.0, 0.5, (), manipulation_map, noise(64, 80)).save_overlay(tmp_path / "new" / name)
    with Image.open(tmp_path / "new" / name) as saved:
        assert saved.format == kind and saved.width == 80 and saved.height >= 64


def test_copy_moves_by_the_name_of_the_last_release():
    result = ManipulationResult(False, 0.0, 0.5, (), np.zeros((64, 80), np.float32), noise(64, 80))
    with pytest.warns(DeprecationWarning, match="copy_moves"):
        assert result.repeats == ()
