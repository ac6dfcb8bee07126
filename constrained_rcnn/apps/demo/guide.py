"""Makes docs/guide.jpg, repeats.jpg and compare.jpg: forgeries of the demo's test photos as users see them; and
evidence.jpg and evidence_sheet.jpg: what witnesses see in forgeries whose history is known, and a sheet.

Of 60 forgeries, by F1 at threshold 0.5: one of the best tenth, the median and one of the worst tenth. And what occurs
twice in the first copy-move and the first removal where something does, and in the first copy-move where nothing was
found. And the first splice and the first removal beside those photos that something is in common with, these mirrored,
halved and compressed with JPEG quality 70 before. Only the layout was chosen, not the images.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

#: Forgeries to choose from, their seed and (height, width).
COUNT, SEED, SIZE = 60, 11, (256, 384)
#: Where in the order from best to worst the rows stand.
PLACES = {"a good result": 0.1, "a middling result": 0.5, "a poor result": 0.9}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default=Path("docs"), metavar="DIR", help="default: docs")
    parser.add_argument("--only-evidence", action="store_true", help="make evidence.jpg and evidence_sheet.jpg alone")


def run(args: argparse.Namespace) -> None:
    from .evidence_guide import write_evidence_images

    write_evidence_images(args.output)
    if not args.only_evidence:
        _write_forgeries(args)


def _write_forgeries(args: argparse.Namespace) -> None:
    import cv2
    import numpy as np
    from tqdm import tqdm

    from ...data import annotation_format
    from ...evaluation.metrics.pixel import score_map_metrics
    from ...evaluation.perturbations import jpeg
    from ...images.reading import read_mask
    from ...inference.predictor import ManipulationPredictor
    from ...matching.image_pairs import compare, describe
    from ...synthesis import demo_photos
    from ...synthesis.writer import write_forgeries
    from ...utils.files import write_jpeg_atomic
    from ...visualization.copy_move import draw_copy_moves
    from ...visualization.image_pairs import draw_pair
    from ...visualization.overlay import grid, heat, overlay, side_by_side

    def write(name, rows):
        write_jpeg_atomic(args.output / name, grid(rows), 85)

    def another_version(photo):
        return jpeg(cv2.resize(photo[:, ::-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 70)

    predictor = ManipulationPredictor()
    with tempfile.TemporaryDirectory() as folder:
        photos = demo_photos.load("test")
        done = write_forgeries(photos, Path(folder), "guide", COUNT, SEED, size=SIZE, authentic=0.0)
        results, twice, forged = [], {}, {}
        for item in tqdm(annotation_format.load(done["json_file"]), unit="image"):
            result, truth = predictor(item["file_name"]), read_mask(item["mask_file_name"])
            f1 = score_map_metrics(result.manipulation_map, truth)["f1_fixed"]
            changed = np.where(truth[:, :, None], 255, 0).astype(np.uint8).repeat(3, 2)
            results.append((f1, result, changed))
            twice.setdefault((item["technique"], bool(result.copy_moves)), (result, changed))
            forged.setdefault(item["technique"], result.image)
    results.sort(key=lambda one: -one[0])
    rows = []
    for title, place in PLACES.items():
        f1, result, changed = results[round(place * (len(results) - 1))]
        drawn = overlay(result.image, result.manipulation_map, result.detections, result.threshold)
        panels = [(title, result.image), (f"changed (F1 {f1:.2f})", changed), ("map", heat(result.manipulation_map)),
                  (f"overlay, score {result.score:.2f}", drawn)]  # fmt: skip
        rows.append([side_by_side(panels, 200)])
    write("guide.jpg", rows)
    rows = []
    for kind in (("copy-move", True), ("removal", True), ("copy-move", False)):
        result, changed = twice[kind]
        drawn = draw_copy_moves(result.image, result.copy_moves)
        panels = [(kind[0] if kind[1] else f"{kind[0]}, missed", result.image), ("changed", changed),
                  ("duplicated regions", drawn), ("map", heat(result.manipulation_map))]  # fmt: skip
        rows.append([side_by_side(panels, 200)])
    write("repeats.jpg", rows)
    archive = [describe(another_version(photo[:, :, ::-1])) for _, photo in photos]
    pairs = [(one, describe(forged[kind])) for kind in ("splice", "removal") for one in archive]
    found = [(*pair, shared) for pair in pairs if (shared := compare(*pair))]
    write("compare.jpg", [[cv2.resize(draw_pair(*pair), None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)]
                          for pair in found])  # fmt: skip
    print(f"{args.output}: F1 at 0.5 of {COUNT} forgeries: mean {np.mean([one[0] for one in results]):.3f}")
