"""Whoever waits for an image that takes many runs of the network is told how many are done."""

from __future__ import annotations

import numpy as np
import torch
from detectron2.structures import Boxes, Instances

from constrained_rcnn.inference.test_time_augmentation import ConstrainedRCNNWithTTA
from tests.helpers.tiny import tiny_cfg


class Nothing(torch.nn.Module):
    """A network that finds nothing."""

    resizes_images, score_weighted, operating_points, device = False, True, None, torch.device("cpu")

    def forward(self, inputs):
        return [self._detect(item["height"], item["width"]) for item in inputs]

    @staticmethod
    def _detect(height, width):
        fields = {"scores": torch.zeros(0), "pred_classes": torch.zeros(0, dtype=torch.int64)}
        instances = Instances((height, width), pred_boxes=Boxes(torch.zeros(0, 4)), **fields)
        instances.soft_masks = torch.zeros(0, 8, 8)
        return {"instances": instances, "manipulation_map": torch.zeros(height, width)}


def reports(height, width, *options):
    detector = ConstrainedRCNNWithTTA(tiny_cfg("TEST.REPEATS", "False", *options), Nothing())
    calls = []
    pixels = np.zeros((height, width, 3), np.uint8)
    item = {"pixels": pixels, "height": height, "width": width}
    detector([item], lambda finished, total: calls.append((finished, total)))
    return calls


def test_every_run_of_every_augmentation_counts():
    tiles = ["TEST.TILES.MAX_PIXELS", "70000", "TEST.TILES.SIZE", "256", "TEST.TILES.OVERLAP", "64"]
    sizes = ["INPUT.MIN_SIZE_TEST", "0", "TEST.AUG.MIN_SIZES", "(0,)", "TEST.AUG.FLIP", "True"]
    assert reports(400, 600, *tiles, *sizes) == [(finished, 6) for finished in range(7)]
    mirrored = reports(400, 600, *tiles, *sizes, "TEST.AUG.ENABLED", "True")
    assert mirrored == [(finished, 12) for finished in range(13)]
    assert reports(100, 100, *tiles, *sizes) == []  # one run: nothing to tell
