"""Hard negatives: what the current weights like to call manipulated in untouched photos, as a training set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data import annotation_format
from ..data.techniques import AUTHENTIC, TECHNIQUES
from ..images.reading import read_image
from ..inference.predictor import MIN_SIDE, ManipulationPredictor
from ..inference.test_time_augmentation import network_alone
from ..inference.untouched import AS_IT_IS, VARIANTS, untouched_files
from ..utils.errors import UserError
from ..utils.files import write_png_atomic
from ..utils.output_folder import output_folder

#: Crops begin on the grid of JPEG's blocks, pixels.
GRID = 8


@dataclass(frozen=True)
class Candidate:
    """One untouched photo in one form.

    Attributes:
        file: the photo.
        variant: what became of it, ``untouched.AS_IT_IS`` or a name in ``untouched.VARIANTS``.
        score: of the whole image.
        peak: (row, column) of the manipulation map's maximum, pixels.
    """

    file: Path
    variant: str
    score: float
    peak: tuple[int, int]


def mine(
    cfg, photos: Sequence[str], output: str, *, share: float = 0.2, side: int = 384, split: str = "train", progress=iter
) -> dict:
    """Writes the crops around the false peaks of the highest-scoring untouched photos, in the annotation format.

    Every photo is predicted as it is and in one of the forms in ``untouched.VARIANTS``, in turn. Crops are kept as PNG:
    their pixels, and the traces in them, are those that were predicted.

    Args:
        cfg: with MODEL.WEIGHTS. Copy-moves and test-time augmentation are left out, as training has neither.
        photos: folders of untouched training photos, searched recursively.
        output: folder of the set; ``<output>/annotations/<split>.json`` is written last.
        share: of all candidates that is kept, in (0, 1].
        side: of the square crops, pixels, a multiple of 8; an image that is smaller is kept whole.
        split: name of the set.
        progress: wraps the iteration over photos, for instance ``tqdm``.

    Returns:
        candidates, kept (counts), and least_score that was kept.

    Raises:
        UserError: no photos, or a share or side that cannot be.
    """
    if not 0 < share <= 1:
        raise UserError(f"share {share}: give a number above 0, at most 1")
    if side < GRID or side % GRID:
        raise UserError(f"side {side}: give a multiple of {GRID} pixels")
    predictor = ManipulationPredictor(network_alone(cfg, augmented=False))
    candidates = list(_candidates(predictor, untouched_files(photos), progress))
    if not candidates:
        raise UserError(f"{', '.join(photos)}: no photo of at least {2 * MIN_SIDE} pixels a side")
    candidates.sort(key=lambda candidate: -candidate.score)
    chosen = candidates[: max(1, round(share * len(candidates)))]
    with output_folder(output, parts=(f"images/{split}", "annotations")) as folder:
        images = [_write(folder, split, number, candidate, side) for number, candidate in enumerate(chosen, 1)]
        path = folder / "annotations" / f"{split}.json"
        info = {"hard_negatives": {"share": share, "side": side}}
        annotation_format.write(path, images, [], classes=TECHNIQUES, info=info)
    return {"candidates": len(candidates), "kept": len(chosen), "least_score": chosen[-1].score}


def _candidates(predictor: ManipulationPredictor, files: Sequence[Path], progress) -> Iterator[Candidate]:
    names = list(VARIANTS)
    for number, file in enumerate(progress(files)):
        photo = file.read_bytes()
        image = read_image(photo, "BGR", max_pixels=predictor.cfg.INPUT.MAX_PIXELS, name=str(file))
        if min(image.shape[:2]) < 2 * MIN_SIDE:
            continue
        variant = names[number % len(names)]
        for name, content in ((AS_IT_IS, photo), (variant, VARIANTS[variant](image))):
            result = predictor(content)
            peak = np.unravel_index(int(result.manipulation_map.argmax()), result.manipulation_map.shape)
            yield Candidate(file, name, result.score, (int(peak[0]), int(peak[1])))


def _write(folder: Path, split: str, number: int, candidate: Candidate, side: int) -> dict:
    image = read_image(candidate.file, "BGR")
    if candidate.variant != AS_IT_IS:
        image = read_image(VARIANTS[candidate.variant](image), "BGR")
    top, left = (_start(position, side, length) for position, length in zip(candidate.peak, image.shape))
    crop = image[top : top + side, left : left + side]
    name = f"images/{split}/{number:06d}.png"
    write_png_atomic(folder / name, crop)
    return {
        "id": number,
        "file_name": name,
        "height": crop.shape[0],
        "width": crop.shape[1],
        "authentic": True,
        "technique": AUTHENTIC,
        "mask_file": None,
        "group": candidate.file.stem,
    }


def _start(position: int, side: int, length: int) -> int:
    """Where a crop around a pixel begins: on the grid, inside the image."""
    return max(0, min(position - side // 2, length - side)) // GRID * GRID
