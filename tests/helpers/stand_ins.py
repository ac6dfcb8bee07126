"""Stand-ins for a network, whose answers are known, and images for them."""

from __future__ import annotations

import numpy as np
import torch
from detectron2.structures import Boxes, Instances

from constrained_rcnn.modeling.manipulation_map import fuse_maps, merge_instances


def noise(height=300, width=330, seed=0):
    """(H, W, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def square(x, y, size=100, shape=(700, 900)):
    """A bright square on black."""
    pixels = np.zeros((*shape, 3), np.uint8)
    pixels[y : y + size, x : x + size] = 200
    return pixels


class BrightSquares:
    """Stands for a network: finds bright squares; what a border cuts it sees cut, and trusts less.

    Borders of a tile bring false alarms, as zero padding does: a box of its own along each.
    """

    resizes_images, score_weighted, device = False, True, torch.device("cpu")

    def __call__(self, inputs):
        return [self._detect(item) for item in inputs]

    def _detect(self, item):
        bright = item["image"][0].numpy() > 128
        height, width = bright.shape
        boxes, scores = [[0.0, 0.0, 12.0, height], [width - 12.0, 0.0, width, height]], [0.6, 0.6]
        if bright.any():
            rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
            boxes.append([columns[0], rows[0], columns[-1] + 1.0, rows[-1] + 1.0])
            scores.append(0.9 if 10 < min(columns[0], rows[0], width - columns[-1], height - rows[-1]) else 0.7)
        found = Instances((height, width))
        found.pred_boxes, found.scores = Boxes(torch.tensor(boxes, dtype=torch.float32)), torch.tensor(scores)
        found.pred_classes, found.soft_masks = torch.zeros(len(boxes), dtype=torch.int64), torch.ones(len(boxes), 8, 8)
        made = merge_instances(found.pred_boxes.tensor, found.soft_masks, found.scores, height, width)
        return {"instances": found, "manipulation_map": made}


class DenseStandIn(BrightSquares):
    """A stand-in with a dense map of its own: what it says of a pixel needs its neighbourhood, not the whole tile.

    Within 40 pixels of its input's border it says too much, as padding makes a network do; the image's own border
    does the same to the untiled map.
    """

    fusion, exponent = "max", 0.5

    def _detect(self, item):
        grey = item["image"].float().mean(0)[None, None]
        local = torch.nn.functional.avg_pool2d(grey, 17, stride=1, padding=8, count_include_pad=False)[0, 0] / 510
        height, width = local.shape
        border = torch.zeros(height, width)
        for strip in (border[:40], border[-40:], border[:, :40], border[:, -40:]):
            strip.fill_(0.4)
        dense = local + border
        empty = Instances((height, width), pred_boxes=Boxes(torch.zeros(0, 4)), scores=torch.zeros(0))
        empty.pred_classes, empty.soft_masks = torch.zeros(0, dtype=torch.int64), torch.zeros(0, 8, 8)
        decision = float(dense.mean())
        made = fuse_maps(torch.zeros(height, width), dense, self.fusion, self.exponent)
        return {"instances": empty, "manipulation_map": made, "dense_map": dense, "decision": decision}
