"""Detection in any number of files: what ``constrained-rcnn detect`` and ``tools/demo.py`` do."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ...model_zoo import load_default_config
from ...utils.errors import OutputError, UserError
from ...utils.files import write_bytes_atomic
from ...utils.output_folder import output_folder, remove_unfinished, staged
from ..evidence.options import EvidenceOptions
from ..files import check_output, read_bytes
from ..image_pages import FIRST, items_of
from ..inputs import Inputs, find_inputs, output_names, printable
from ..progress import image_progress, progress_bar
from .detector import ImageDetector, Skipped, Task, WorkersDetector, digest_of
from .evidence import EvidenceMaker
from .network import Network, TorchNetwork
from .orders import remove_other_orders
from .page import write_pages
from .result_files import THUMBNAILS, ResultFiles
from .table import ResultsTable
from .workers import Workers

#: Every witness is asked, and the place where an image was taken stays out.
ALL = EvidenceOptions()


def run(
    config_file: str | None,
    inputs: list[str],
    output: str,
    options: list[str],
    *,
    resume: bool = False,
    float_maps: bool = False,
    copy_move: bool = True,
    pages: str = FIRST,
    jobs: int = 1,
    evidence: EvidenceOptions | None = ALL,
) -> int:
    """Detects manipulation in every input.

    Writes per image ``<name>.json``, ``<name>_map.png`` (16 bit), ``<name>_overlay.jpg``, ``<name>_evidence.html``, a
    thumbnail and, where regions occur twice (:mod:`...matching.copy_move`), ``<name>_repeats.jpg``; and of all together
    ``results.csv``, ``results.html``, the same by findings (:mod:`.page`) and the config whose digest the results
    carry, ``config-<its first 12 digits>.yaml``. Results of other files, from earlier runs into the same folder, stay,
    in table and page, too; every file is replaced only by a complete new one.

    Args:
        config_file, options: see :func:`...model_zoo.load_default_config`.
        inputs: see :func:`..inputs.find_inputs`; ``output`` inside of a folder is passed over.
        output: folder for the results, made if it is not there.
        resume: leave out files whose result is there already, made of the same bytes by the same weights and config.
        float_maps: also write ``<name>_map.npy``, float32.
        copy_move: look for duplicated regions and show them, even where the config's ``TEST.REPEATS`` is False and
            keeps them out of map and score; False also sets ``TEST.REPEATS`` False.
        pages: of files with several pages or frames, ``"first"`` or ``"all"``: each has its own result then.
        jobs: worker processes that share the files; 1: this process does all. The results are the same.
        evidence: the witnesses of the evidence sheets; None: there are no sheets.

    Returns:
        0, or 1 if any input was skipped; each is listed with its reason at the end, as are files in folders that are
        no images.

    Raises:
        UserError: nothing to examine, inputs in the output folder, another run at work there, or a config or weights
            that cannot be used.
        OutputError: an output cannot be written. Table and page of what was finished are, if they can be.
        KeyboardInterrupt: after table and page of what was finished have been written.
    """
    if not copy_move:
        options = [*options, "TEST.REPEATS", "False"]

    def load() -> Network:
        return TorchNetwork(load_default_config(config_file, options))

    return run_network(
        load, inputs, output, resume=resume, float_maps=float_maps, copy_move=copy_move, pages=pages, jobs=jobs,
        evidence=evidence,
    )  # fmt: skip


def run_network(
    load: Callable[[], Network],
    inputs: list[str],
    output: str,
    *,
    resume: bool = False,
    float_maps: bool = False,
    copy_move: bool = True,
    pages: str = FIRST,
    jobs: int = 1,
    evidence: EvidenceOptions | None = ALL,
) -> int:
    """As :func:`run`, of any network.

    Args:
        load: called once the inputs are found and the output folder is claimed.
    """
    folder = Path(output)
    found = find_inputs(inputs, exclude=[folder])
    found.require_images("--input", *inputs)
    check_output(folder, found.files, [THUMBNAILS])
    if not copy_move:
        evidence = evidence and evidence.without("copy_move")
    with output_folder(folder, parts=[THUMBNAILS]):
        return _run(found, pages, folder, load(), jobs, resume, float_maps, copy_move, evidence)


def _run(
    found: Inputs, pages: str, folder: Path, network: Network, jobs: int, resume: bool, float_maps: bool,
    copy_move: bool, evidence: EvidenceOptions | None,
) -> int:  # fmt: skip
    """The part of :func:`run` for which the output folder is claimed."""
    items = items_of(found.files, pages, max_pixels=network.max_pixels)
    jobs = min(jobs, len(items))
    predictor = network.predictor() if jobs == 1 else None  # else each worker has its own
    about = network.about()
    names = output_names([item.place for item in items])
    tasks = [Task(item, names[item.place]) for item in items]
    results = ResultFiles(folder, about, float_maps=float_maps, copy_move=copy_move, evidence=evidence)
    examine = evidence and EvidenceMaker(evidence, about["weights"]["sha256"], network.max_pixels)
    with contextlib.ExitStack() as workers:
        if predictor is not None:
            detect = partial(map, ImageDetector(predictor, results, folder, copy_move, examine, image_progress))
        else:
            make = WorkersDetector(network, _threads(network, jobs), folder, about, float_maps, copy_move, examine)
            detect = workers.enter_context(Workers(make, jobs)).run
        write_bytes_atomic(folder / f"config-{about['config_sha256'][:12]}.yaml", network.config_text().encode())
        there = results.earlier()
        records = map(
            results.earlier_record, progress_bar(there, unit="image", desc="earlier results", disable=not there)
        )
        stopped = None
        with ResultsTable(folder / "results.csv", filter(None, records)) as table:
            try:
                table.left_out = found.left_out
                for lost_file, why in found.lost:
                    table.skip(lost_file, why)
                # What is there goes into the table first, so that an interruption leaves none of it out.
                tasks = _not_there(tasks, results, table) if resume else tasks
                for outcome in progress_bar(detect(tasks), total=len(tasks), unit="image"):
                    table.skip(outcome.file, outcome.reason) if isinstance(outcome, Skipped) else table.add(outcome)
            except (KeyboardInterrupt, UserError) as error:
                stopped = error
            workers.close()  # nothing else is written from here on
            remove_unfinished(folder)
            order = {str(item): number for number, item in enumerate(items)}  # workers finish in another one
            table.skipped.sort(key=lambda row: order.get(row["file"], -1))
            examined, skipped = len(table.rows), list(table.skipped)
            left = len(items) + len(found.lost) - examined - len(skipped)
            try:
                _summarise(table, folder, about, finished=stopped is None, left=left)
            except OutputError as error:
                stopped = stopped or error
    earlier = len(table.rows) - examined
    see = "" if isinstance(stopped, OutputError) else ", see results.html and results.csv there"
    also = f", {earlier} of earlier runs" if earlier else ""
    print(f"{examined} images examined, {len(skipped)} skipped{also}; results "
          f"in {printable(folder)}{see}")  # fmt: skip
    for row in skipped:
        print(f"skipped: {row['file']}: {row['reason']}")
    for line in found.left_out_lines():
        print(f"left out: {line}")
    if stopped is not None:
        raise stopped
    return 1 if skipped else 0


def _threads(network: Network, jobs: int) -> int:
    """Threads of each worker: those that one process would use, shared out."""
    threads = max(1, network.threads() // jobs)
    print(f"{jobs} worker processes, {threads} {'thread' if threads == 1 else 'threads'} each", file=sys.stderr)
    return threads


def _summarise(table: ResultsTable, folder: Path, about: dict, *, finished: bool, left: int) -> None:
    """Replaces table and pages."""
    with staged(folder) as stage:
        table.finish(stage / table.path.name)
        expected = len(table.rows) + len(table.skipped) + left
        pages = write_pages(stage, table.rows, table.skipped, about, finished=finished, expected=expected,
                            left_out=table.left_out)  # fmt: skip
    remove_other_orders(folder, pages)


def _not_there(tasks: list[Task], results: ResultFiles, table: ResultsTable) -> list[Task]:
    """Adds the results that are there to the table; returns the other tasks."""
    left = []
    for task in progress_bar(tasks, unit="image", desc="looking for results"):
        try:
            known = results.find(task.item, task.name, digest_of(read_bytes(task.item.file)))
        except Exception:  # detection meets it again, and says what it is
            known = None
        if known is None:
            left.append(task)
        else:
            table.add(known)
    return left
