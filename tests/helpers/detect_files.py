"""Images to detect in, and the table of results."""

import csv

import numpy as np
from PIL import Image


def save(path, height=72, width=90, seed=0):
    """Noise as an image file. Returns its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return str(path)


def table(path):
    """The rows of a CSV, as dicts."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
