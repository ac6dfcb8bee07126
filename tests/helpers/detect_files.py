"""Images to detect in, and the table of results."""

import csv

import cv2
import numpy as np
from PIL import Image

from constrained_rcnn.inference.result import ManipulationResult


class CopyMarker:
    """A predictor without a network: it marks where :func:`.copied.forged` puts the copy, and counts its images."""

    seen: list[int] = []

    def __init__(self, cfg):
        self.cfg = cfg

    def __call__(self, data, **options):
        self.seen.append(len(data))
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        made = np.zeros(image.shape[:2], np.float32)
        made[220:350, 60:190] = 0.8
        return ManipulationResult(True, 0.8, 0.5, (), made, image)


def save(path, height=72, width=90, seed=0):
    """Noise as an image file. Returns its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return str(path)


def table(path):
    """The rows of a CSV, as dicts."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
