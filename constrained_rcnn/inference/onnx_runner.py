"""Runs a network that `constrained-rcnn export --format onnx` wrote; needs NumPy, OpenCV and ONNX Runtime alone.

As a script: python FILE NETWORK.onnx IMAGE MAP.png. It shows the image to the network once, as it is.
"""

import json
import sys

import cv2
import numpy as np
import onnxruntime

#: Key of the ONNX file's metadata under which the network describes itself.
KEY = "constrained_rcnn"


class Network:
    """A network file; ``about`` is what it says of itself, "classes" and "qualities" among it."""

    def __init__(self, path: str, threads: int = 0):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads  # 0: as many as there are cores
        options.enable_mem_pattern = False  # would be kept for every new size of image
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.about = json.loads(self.session.get_modelmeta().custom_metadata_map[KEY])

    def __call__(self, image: np.ndarray, size: tuple[int, int] | None = None) -> dict:
        """Detects in an image, (h, w, 3) uint8 BGR; results are of ``size``, (H, W) of the image that it comes from.

        Returns a dict of arrays: boxes (R, 4), XYXY in pixels, best first; scores and manipulation_scores (R,), labels
        (R,), technique_scores (R, K) and masks (R, M, M), stretched over the boxes; manipulation_map (H, W) float32 in
        [0, 1]; decision, a float. A network without mask branch or decision head gives None for those.
        """
        height, width = size or image.shape[:2]
        pixels = np.ascontiguousarray(image if self.about["format"] == "BGR" else image[:, :, ::-1])
        inputs = {"image": pixels}
        if self.about["qualities"]:
            inputs["changes"] = np.stack([_change(image, quality) for quality in self.about["qualities"]])
        names = [output.name for output in self.session.get_outputs()]
        found = dict.fromkeys(("masks", "dense_map", "decision"))
        found.update(zip(names, self.session.run(names, inputs)))
        dense, decision, count = found.pop("dense_map"), found.pop("decision"), int(found.pop("count")[0])
        # The rows behind the last detection hold nothing; nor does a box that is empty at the image's own size.
        boxes = found["boxes"][:count] * np.float32([width / image.shape[1], height / image.shape[0]] * 2)
        boxes = np.minimum(np.maximum(boxes, 0), np.float32([width, height] * 2))
        kept = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        found = {name: value if value is None else value[:count][kept] for name, value in found.items()}
        found["boxes"] = boxes[kept]
        found["scores"] = found["technique_scores"][np.arange(len(found["labels"])), found["labels"]]
        weights = found["manipulation_scores"] if self.about["score_weighted"] else np.ones(len(boxes[kept]))
        found["manipulation_map"] = merge(found["boxes"], found["masks"], weights, height, width)
        if dense is not None:
            dense = cv2.resize(dense, (width, height)) if dense.shape != (height, width) else dense
            found["manipulation_map"] = fuse(found["manipulation_map"], dense, **self.about["fusion"])
        return {**found, "decision": None if decision is None else float(decision[0])}


def merge(boxes, masks, weights, height: int, width: int) -> np.ndarray:
    """Pastes every mask into its box, times its weight, and keeps the maximum at each pixel; (height, width)."""
    merged = np.zeros((height, width), np.float32)
    for number, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        left, top = (max(int(np.ceil(value - 0.5)), 0) for value in (x1, y1))
        right, bottom = min(int(np.ceil(x2 - 0.5)), width), min(int(np.ceil(y2 - 0.5)), height)
        if right <= left or bottom <= top:
            continue
        mask = (np.ones((2, 2), np.float32) if masks is None else masks[number]) * np.float32(weights[number])
        columns = _sampling(left, right, x1, x2, mask.shape[1]).T
        for start in range(top, bottom, 1024):  # by strips, which take no memory to speak of
            window = merged[start : min(start + 1024, bottom), left:right]
            rows = _sampling(start, start + len(window), y1, y2, len(mask))
            np.maximum(window, rows @ mask @ columns, out=window)
    return np.clip(merged, 0, 1, out=merged)


def fuse(boxes: np.ndarray, dense: np.ndarray, how: str, exponent: float) -> np.ndarray:
    """One map of what boxes and the dense path say; ``boxes`` may be overwritten."""
    if how == "max":
        fused = np.maximum(boxes, dense, out=boxes)
    elif how == "mean":
        fused = np.multiply(np.add(boxes, dense, out=boxes), np.float32(0.5), out=boxes)
    else:
        fused = dense if how == "dense" else boxes
    return fused if exponent == 1 else np.power(fused, np.float32(exponent), out=fused)


def _change(image: np.ndarray, quality: int) -> np.ndarray:
    """(h, w) uint8: what saving the image as JPEG changes, of the channel that changes most."""
    file = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.absdiff(image, cv2.imdecode(file, cv2.IMREAD_COLOR)).max(axis=2)


def _sampling(first: int, last: int, start: float, end: float, cells: int) -> np.ndarray:
    """(last - first, cells) float32 that samples cells, stretched from start to end, at the pixels' centres."""
    position = (np.arange(first, last, dtype=np.float32) + np.float32(0.5 - start)) / np.float32(end - start)
    position = (position * np.float32(cells) - np.float32(0.5)).clip(0, cells - 1)
    return (1 - np.abs(position[:, None] - np.arange(cells, dtype=np.float32))).clip(min=0)


if __name__ == "__main__":
    network, image = Network(sys.argv[1]), cv2.imread(sys.argv[2])
    result = network(image)
    cv2.imwrite(sys.argv[3], np.rint(result["manipulation_map"] * 65535).astype(np.uint16))
    score = result["decision"]
    print("score", round(float(result["manipulation_map"].max() if score is None else score), 4))
    for box, label, score in zip(result["boxes"], result["labels"], result["manipulation_scores"]):
        print(network.about["classes"][label], round(float(score), 4), *np.rint(box).astype(int))
