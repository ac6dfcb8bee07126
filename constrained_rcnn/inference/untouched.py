"""Untouched photos, as they are and as files that went around: what false alarms are measured on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..data.catalog import dataset_dicts
from ..images.folder_listing import list_images
from ..images.reading import read_image
from ..matching.suspects import copy_move_found, detect_copy_moves
from ..utils.errors import UserError
from .image_class import LEAST_SIDE, ImageClass, jpeg_quality
from .predictor import MIN_SIDE, ManipulationPredictor


def _saved(image: np.ndarray, quality: int) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _reduced(image: np.ndarray, factor: float) -> np.ndarray:
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def _centre(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    return image[height // 8 : height - height // 8, width // 8 : width - width // 8]


#: What happens to a whole file on its way: name -> (H, W, 3) uint8 BGR to a new file's content.
VARIANTS: dict[str, Callable[[np.ndarray], bytes]] = {
    "saved again, JPEG 90": lambda image: _saved(image, 90),
    "saved again, JPEG 75": lambda image: _saved(image, 75),
    "half size, JPEG 85": lambda image: _saved(_reduced(image, 0.5), 85),
    "centre, JPEG 95": lambda image: _saved(_centre(image), 95),
}
#: The file as it is.
AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Untouched:
    """What the predictor says of one untouched file.

    Attributes:
        file, variant: which.
        kind: class of the image.
        score: in [0, 1].
        manipulated, copy_move: whether it was called manipulated, and whether a copy-move was found.
        unsuitable: why nothing can be said of it, or None.
    """

    file: str
    variant: str
    kind: str
    score: float
    manipulated: bool
    copy_move: bool
    unsuitable: str | None


def untouched_files(photos: Sequence[str], dataset: str | None = None) -> list[Path]:
    """Images of folders, and the authentic images of a dataset.

    Args:
        photos: folders of untouched photos, searched recursively.
        dataset: registered name or path of a prepared split, or None.

    Raises:
        UserError: a folder that is not there, or no image at all.
    """
    files = []
    for folder in map(Path, photos):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder of photos")
        files += list_images(folder)
    if dataset is not None:
        files += [Path(item["file_name"]) for item in dataset_dicts(dataset) if item["authentic"]]
    if not files:
        raise UserError(f"{', '.join(photos) or f'dataset {dataset}'}: no untouched image there")
    return files


def examine(
    predictor: ManipulationPredictor, files: Sequence[Path], *, variants: bool = True, progress=iter
) -> Iterator[Untouched]:
    """Predicts every file as it is and, with ``variants``, as each of ``VARIANTS``.

    Args:
        predictor: its operating points, where it has any, decide.
        files: untouched images; one that cannot be read, or is too small for the network, ends the run.
        variants: of an image so small that half of it would be unsuitable there are none.
        progress: wraps the iteration over files, for instance ``tqdm``.

    Raises:
        UserError: such a file, with its name.
    """
    for file in progress(files):
        photo = file.read_bytes()
        image = read_image(photo, "BGR", max_pixels=predictor.cfg.INPUT.MAX_PIXELS, name=str(file))
        if min(image.shape[:2]) < MIN_SIDE:
            raise UserError(f"{file}: a side below {MIN_SIDE} pixels; take it out of the untouched images")
        contents = {AS_IT_IS: photo}
        if variants and min(image.shape[:2]) >= 2 * LEAST_SIDE:
            contents.update((name, make(image)) for name, make in VARIANTS.items())
        for name, content in contents.items():
            result = predictor(content)
            kind = ImageClass.of(result.image, jpeg_quality(content))
            copy_moves = result.copy_moves
            if copy_moves is None:  # TEST.REPEATS False: counted all the same
                copy_moves = detect_copy_moves(result.image, result.manipulation_map)
            has_copy_move = copy_move_found(copy_moves)
            yield Untouched(
                str(file), name, kind.name, result.score, result.manipulated, has_copy_move, kind.unsuitable
            )
