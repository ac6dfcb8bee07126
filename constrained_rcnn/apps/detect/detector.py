"""One image from its file to its result's files: the same in the run's own process and in its workers."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...inference.result import ManipulationResult
from ...matching.copy_move import find_repeats
from ...matching.suspects import weigh_copy_moves
from ...utils.files import UNFINISHED
from ...utils.output_folder import raise_output_error
from ..files import read_bytes, reason
from ..image_pages import Item
from .evidence import EvidenceMaker
from .network import Network
from .result_files import ResultFiles


@dataclass(frozen=True)
class Task:
    """Attributes: item: what is detected. name: of its results, from :func:`..inputs.output_names`."""

    item: Item
    name: str


@dataclass(frozen=True)
class Skipped:
    """Attributes: file: what messages call it. reason: why there is no result, on one line."""

    file: str
    reason: str


@dataclass(frozen=True)
class ImageDetector:
    """Detects and writes; whatever one file does, the rest go on.

    Attributes:
        predictor: a :class:`~constrained_rcnn.inference.predictor.ManipulationPredictor`.
        results: writes the files.
        folder: of the results.
        copy_moves: look for duplicated regions even where the predictor does not.
        examine: asks the witnesses of the evidence sheet; None: there is no sheet.
        progress: makes of an image's name what its progress is told to, see the predictor; None: nothing.
    """

    predictor: object
    results: ResultFiles
    folder: Path
    copy_moves: bool
    examine: EvidenceMaker | None = None
    progress: Callable[[str], Callable[[int, int], None]] = lambda name: None

    def __call__(self, task: Task) -> dict | Skipped:
        """Returns the record of the JSON file that was written, or why the file was skipped.

        Raises:
            OutputError: an output cannot be written.
        """
        try:
            data = read_bytes(task.item.file)
            result = self.predictor(data, page=task.item.page, progress=self.progress(str(task.item)))
            result = _with_copy_moves(result) if self.copy_moves else result
            findings = None if self.examine is None else self.examine(data, task.item.page, result)
            return self.results.write(task.item, task.name, data, digest_of(data), result, findings)
        except Exception as error:
            raise_output_error(error, self.folder)
            return Skipped(str(task.item), reason(error, task.item.file))


@dataclass(frozen=True)
class WorkersDetector:
    """Makes an :class:`ImageDetector` in a worker process, and says what is left of a task whose process died.

    Attributes:
        network: of the predictor.
        threads: of each process.
        folder, about, float_maps, copy_move: see :class:`.result_files.ResultFiles`.
        examine: see :class:`ImageDetector`.
    """

    network: Network
    threads: int
    folder: Path
    about: dict
    float_maps: bool
    copy_move: bool
    examine: EvidenceMaker | None = None

    def __call__(self, number: int) -> ImageDetector:
        # Of Detectron2's import; nothing that a user could do about it.
        warnings.filterwarnings("ignore", message=".*torch.jit.*is deprecated", category=FutureWarning)
        import cv2

        cv2.setNumThreads(self.threads)
        # Each has a place of its own for what is not whole yet; the next run removes what a killed one leaves there.
        results = ResultFiles(
            self.folder,
            self.about,
            float_maps=self.float_maps,
            copy_move=self.copy_move,
            evidence=self.examine and self.examine.options,
            stage=f"{UNFINISHED}-{number}",
        )
        return ImageDetector(self.network.predictor(self.threads), results, self.folder, self.copy_move, self.examine)

    def lost(self, task: Task, why: str) -> Skipped:
        return Skipped(str(task.item), why)


def digest_of(data: bytes) -> str:
    """The SHA-256 of a file's content, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _with_copy_moves(result: ManipulationResult) -> ManipulationResult:
    """The same with copy-moves, which are shown even where ``TEST.REPEATS`` False keeps them out of the map."""
    if result.copy_moves is not None:
        return result
    pairs = find_repeats(result.image, doubtful=True)
    return dataclasses.replace(
        result, duplicated_regions=pairs, copy_moves=weigh_copy_moves(pairs, result.manipulation_map)
    )
