"""A scan from its list of files to its summary: what ``constrained-rcnn scan`` does."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ...utils.errors import UserError
from ...utils.files import printable, write_bytes_atomic
from ...utils.output_folder import claim_settings, output_folder
from ..files import check_output
from ..inputs import Inputs, find_inputs
from ..progress import progress_bar
from .file_list import absolute, read_list
from .journal import JOURNALS
from .manifest import MANIFEST, RESULTS, Manifest, list_digest, missing_shards, write_manifest
from .network import ScanNetwork
from .shard import ShardJob, make_detector
from .summary import say, write_summary

#: Files in a shard where nobody says so.
SHARD_FILES = 100


class Executor(Protocol):
    """Attributes: count: of workers. address: of a cluster, or None."""

    count: int
    address: str | None

    def run(self, job: ShardJob, shards: Sequence[int]) -> Iterator[dict]:
        """Yields what :class:`.shard.ShardWorker` returns of each shard, in any order."""


def scan(
    output: str,
    inputs: list[str] | None,
    list_file: str | None,
    column: str | None,
    *,
    network: Callable[[], ScanNetwork],
    copy_move: bool,
    workers: Executor,
    shard_files: int | None = None,
    threads: int | None = None,
    make: Callable = make_detector,
) -> int:
    """Detects manipulation in every file, or in those that an earlier run into the same folder has left.

    Args:
        output: folder for ``results/``, ``summary.json``, the manifest and the config.
        inputs: see :func:`..inputs.find_inputs`; ``list_file`` and ``column``: see :func:`.file_list.read_list`. With
            neither the scan in ``output`` goes on.
        network: loads the network, which takes seconds.
        copy_move: look for duplicated regions even where the config keeps them out of map and score.
        workers: who scans.
        shard_files: files in a shard; None: as in ``output``, else ``SHARD_FILES``.
        threads: of each worker; None: the machine's shared out, or 1 on a cluster.
        make: see :class:`.shard.ShardJob`.

    Returns:
        0; 1 if any file has no result or any input leads nowhere.

    Raises:
        UserError: no file, inputs in the output folder, another list or other weights than those of the results there,
            or what ends a run.
        KeyboardInterrupt: after the summary of what is finished has been written.
    """
    folder = Path(output)
    found = find_inputs(inputs, exclude=[folder]) if inputs else Inputs([], [], [], [])
    files = read_list(list_file, column) if list_file else absolute(found.files)
    if inputs:
        found.require_images("--input", *inputs)
    check_output(folder, [Path(os.fsdecode(file)) for file in files], [RESULTS, JOURNALS])
    if not files and not (folder / MANIFEST).is_file():
        raise UserError(f"--output {printable(folder)}: holds no scan to go on with; give --input or --list")
    with output_folder(folder, parts=[RESULTS, JOURNALS]):
        loaded = network()
        about = loaded.about()
        manifest = _claim(folder, files, shard_files, about)
        write_bytes_atomic(folder / f"config-{about['config_sha256'][:12]}.yaml", loaded.config_text().encode())
        count = _threads(threads, workers, loaded)
        job = ShardJob(
            folder.absolute(), uuid.uuid4().hex, pickle.dumps(loaded), loaded.gpu, about, copy_move, count, make
        )  # fmt: skip
        return _run(job, manifest, workers, found)


def _run(job: ShardJob, manifest: Manifest, workers: Executor, found: Inputs) -> int:
    """The part of :func:`scan` for which everything is settled."""
    shards, stopped = missing_shards(job.folder, manifest.shards), None
    done = manifest.files - sum(map(manifest.size, shards))
    if shards:
        with progress_bar(total=manifest.files, initial=done, unit="image") as bar:
            try:
                with contextlib.closing(workers.run(job, shards)) as outcomes:
                    for outcome in outcomes:
                        if outcome["error"]:
                            raise UserError(outcome["error"])
                        bar.update(manifest.size(outcome["shard"]))
            except (KeyboardInterrupt, UserError) as error:
                stopped = error
    summary = write_summary(job.folder, manifest, job.about, found)
    say(summary, job.folder, found)
    if stopped is not None:
        raise stopped
    return 1 if summary["skipped"] or found.lost else 0


def _claim(folder: Path, files: Sequence[bytes], shard_files: int | None, about: dict) -> Manifest:
    """Fixes the list of files and what makes the results, or finds that they are those of the folder."""
    earlier = _earlier(folder)
    fixed = {
        "files": len(files) if files else earlier.get("files"),
        "list_sha256": list_digest(files) if files else earlier.get("list_sha256"),
        "shard_files": shard_files or earlier.get("shard_files", SHARD_FILES),
        "weights_sha256": about["weights"]["sha256"],
        "config_sha256": about["config_sha256"],
    }
    claim_settings(folder, fixed)
    if files and not (folder / MANIFEST).is_file():
        write_manifest(folder, files, fixed["shard_files"])
    return Manifest(folder)


def _earlier(folder: Path) -> dict:
    try:
        return dict(json.loads((folder / "settings.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # claim_settings says it of a damaged one
        return {}


def _threads(threads: int | None, workers: Executor, network: ScanNetwork) -> int:
    if threads is None and workers.address is not None:
        threads = 1
    if threads is None:
        threads = max(1, network.threads() // workers.count)
    counted = "1 worker" if workers.count == 1 else f"{workers.count} workers"
    print(f"{counted}, {threads} {'thread' if threads == 1 else 'threads'} each", file=sys.stderr)
    return threads
