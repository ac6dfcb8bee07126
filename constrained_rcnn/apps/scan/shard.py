"""What a worker does: the files of one shard after another, each shard to one Parquet file.

Torch is imported where a network is made.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Union

import pyarrow.parquet

from ...utils.errors import UserError
from ...utils.files import atomic_file, printable
from ...utils.provenance import now
from ..files import read_bytes
from ..image_pages import Item
from .journal import Journal
from .manifest import Manifest, shard_file
from .schema import bad_row, result_row, to_table

#: Times that a worker may die over a file, in one run, before the file is given up.
MOST_DEATHS = 2
#: Times that workers may die, one after another, before they come to a file.
MOST_FAILED_STARTS = 3
DIED = f"its worker process died over it {MOST_DEATHS} times: too little memory, or a decoder's crash"

Detect = Callable[[Item], Union[dict, str]]


@dataclass(frozen=True)
class ShardJob:
    """What all workers of a run are given.

    Attributes:
        folder: of the scan.
        run: a name that no other run has.
        network: a :class:`.network.ScanNetwork`, pickled: what reads it imports Detectron2.
        gpu: whether it needs a GPU.
        about: see :func:`..detect.network.about_of`.
        copy_move: look for duplicated regions even where the predictor does not.
        threads: of each worker.
        make: makes what makes of an image its JSON record, or the reason why there is none.
    """

    folder: Path
    run: str
    network: bytes
    gpu: bool
    about: dict
    copy_move: bool
    threads: int
    make: Callable[[ShardJob], Detect]


class RecordsOnly:
    """In place of result files: the record that a JSON file would hold."""

    def __init__(self, about: dict):
        self._about = about

    def write(self, item: Item, name: str, data: bytes, digest: str, result, findings=None) -> dict:
        from ...images.file_facts import read_facts

        repeats = None if result.copy_moves is None else [copy_move.to_json() for copy_move in result.copy_moves]
        return {
            "file": item.shown, "sha256": digest, "bytes": len(data), "time": now(), "name": name,
            "file_facts": read_facts(data, item.page).to_json(),
            **self._about, **result.to_json(), "repeats": repeats,
        }  # fmt: skip


def make_detector(job: ShardJob) -> Detect:
    """The detector of ``detect``, without result files.

    Raises:
        UserError: the weights are not there, or other ones than the scan's.
    """
    # Of Detectron2's import; nothing that a user could do about it.
    warnings.filterwarnings("ignore", message=".*torch.jit.*is deprecated", category=FutureWarning)
    import cv2

    from ..detect.detector import ImageDetector, Skipped, Task

    network = pickle.loads(job.network)
    try:
        weights = network.about()["weights"]
    except FileNotFoundError as error:
        raise UserError(f"{printable(error.filename)}: is not on a worker's machine; put it there, too") from None
    if weights["sha256"] != job.about["weights"]["sha256"]:
        raise UserError(f"{weights['file']}: a worker's machine has another one; make them the same everywhere")
    cv2.setNumThreads(job.threads)
    detector = ImageDetector(network.predictor(job.threads), RecordsOnly(job.about), job.folder, job.copy_move)

    def detect(item: Item) -> dict | str:
        outcome = detector(Task(item, ""))
        return outcome.reason if isinstance(outcome, Skipped) else outcome

    return detect


class ShardWorker:
    """Scans shards; the network is made at the first one."""

    def __init__(self, job: ShardJob):
        self._job = job
        self._detect: Detect | None = None

    def __call__(self, shard: int) -> dict:
        """Scans a shard, or what earlier workers have left of it.

        Returns:
            ``shard``; ``error``, "" or the line that ends the run; ``worker``, number of the process; ``began``, when
            the network was there (0 for a shard that was finished before), and ``ended``, seconds since 1970.
        """
        outcome = {"shard": shard, "error": "", "worker": os.getpid(), "began": 0.0}
        try:
            target = shard_file(self._job.folder, shard)
            journal = Journal(self._job.folder, shard, self._job.run)
            if not target.is_file():
                outcome["began"] = self._scan(shard, journal, target)
            journal.remove()
        except UserError as error:  # of the run, not of a file
            outcome["error"] = str(error)
        return {**outcome, "ended": time.time()}

    def _scan(self, shard: int, journal: Journal, target: Path) -> float:
        if journal.failed_starts >= MOST_FAILED_STARTS:
            raise UserError(
                f"--workers: {MOST_FAILED_STARTS} of them died while they started; too little memory? Take fewer"
            )
        with journal:
            journal.start()
            self._detect = self._detect or self._job.make(self._job)
            began = time.time()
            paths = Manifest(self._job.folder).paths(shard)
            for place, path in enumerate(paths):
                if place not in journal.rows:
                    if journal.deaths[place] < MOST_DEATHS:
                        journal.begin(place)
                        row = self._row(Path(os.fsdecode(path)))
                    else:
                        row = self._bad(Path(os.fsdecode(path)), DIED)
                    journal.finish(place, row)
            table = to_table([journal.rows[place] for place in range(len(paths))])
            with atomic_file(target) as file:
                pyarrow.parquet.write_table(table, file, compression="zstd")
        return began

    def _row(self, path: Path) -> dict:
        outcome = self._detect(Item(path))
        return self._bad(path, outcome) if isinstance(outcome, str) else result_row(outcome)

    def _bad(self, path: Path, reason: str) -> dict:
        try:
            digest = hashlib.sha256(read_bytes(path)).hexdigest()
        except (OSError, ValueError, MemoryError):
            digest = None
        return bad_row(printable(path), reason, self._job.about, digest, now())
