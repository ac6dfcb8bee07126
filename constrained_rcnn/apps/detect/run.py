"""Judging any number of files: what ``tools/demo.py`` and ``constrained-rcnn`` do."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path

from tqdm import tqdm

from ...inference.predictor import ManipulationPredictor
from ...inference.result import ManipulationResult
from ...matching.suspects import detect_copy_moves
from ...model_zoo import load_default_config
from ...utils.errors import OutputError, UserError
from ...utils.files import write_bytes_atomic
from ...utils.output_folder import output_folder, raise_output_error, staged
from ...utils.provenance import config_sha256, config_text, sha256, versions
from ...visualization.html.page import remove_other_pages
from ..files import check_output, read_bytes, reason
from ..image_pages import FIRST, Item, items_of
from ..inputs import Inputs, find_inputs, output_names, printable
from .page import write_pages
from .result_files import THUMBNAILS, ResultFiles
from .table import ResultsTable


def run(
    config_file: str | None,
    inputs: list[str],
    output: str,
    options: list[str],
    *,
    resume: bool = False,
    float_maps: bool = False,
    repeats: bool = True,
    pages: str = FIRST,
) -> int:
    """Judges every input.

    Writes per image ``<name>.json``, ``<name>_map.png`` (16 bit), ``<name>_overlay.jpg``, a thumbnail and, where
    regions occur twice (:mod:`...matching.copy_move`), ``<name>_repeats.jpg``; and of all together ``results.csv``,
    ``results.html`` and the config whose digest the results carry, ``config-<its first 12 digits>.yaml``. Results of
    other files, from earlier runs into the same folder, stay, in table and page, too; every file is replaced only by a
    complete new one.

    Args:
        config_file, options: see :func:`.model_zoo.load_default_config`.
        inputs: see :func:`.inputs.find_inputs`; ``output`` inside of a folder is passed over.
        output: folder for the results, made if it is not there.
        resume: leave out files whose result is there already, made of the same bytes by the same weights and config.
        float_maps: also write ``<name>_map.npy``, float32.
        repeats: look for duplicated regions and show them, even where the config's ``TEST.REPEATS`` is False and keeps
            them out of map and score; False also sets ``TEST.REPEATS`` False.
        pages: of files with several pages or frames, ``"first"`` or ``"all"``: each has its own result then.

    Returns:
        0, or 1 if any input was skipped; each is listed with its reason at the end, as are files in folders that are
        no images.

    Raises:
        UserError: nothing to judge, inputs in the output folder, another run at work there, or a config or weights
            that cannot be used.
        OutputError: an output cannot be written. Table and page of what was finished are, if they can be.
        KeyboardInterrupt: after table and page of what was finished have been written.
    """
    folder = Path(output)
    found = find_inputs(inputs, exclude=[folder])
    if not found.files:
        raise UserError(f"--input {' '.join(map(printable, inputs))}: no picture found there{found.why_none()}; give "
                        "files, folders or patterns")  # fmt: skip
    check_output(folder, found.files, [THUMBNAILS])
    if not repeats:
        options = [*options, "TEST.REPEATS", "False"]
    with output_folder(folder, parts=[THUMBNAILS]):
        return _run(found, pages, folder, load_default_config(config_file, options), resume, float_maps, repeats)


def _run(found: Inputs, pages: str, folder: Path, cfg, resume: bool, float_maps: bool, repeats: bool) -> int:
    """The part of :func:`run` for which the output folder is claimed."""
    items = items_of(found.files, pages, max_pixels=cfg.INPUT.MAX_PIXELS)
    predictor = ManipulationPredictor(cfg)
    about = {
        "weights": {
            "file": printable(os.path.basename(predictor.cfg.MODEL.WEIGHTS)),
            "sha256": sha256(predictor.cfg.MODEL.WEIGHTS),
        },
        "config_sha256": config_sha256(predictor.cfg),
        "versions": versions(),
    }
    write_bytes_atomic(folder / f"config-{about['config_sha256'][:12]}.yaml", config_text(predictor.cfg).encode())
    names = output_names([item.place for item in items])
    results = ResultFiles(folder, about, float_maps=float_maps, repeats=repeats)
    there = results.earlier()
    records = map(results.earlier_record, tqdm(there, unit="image", desc="earlier results", disable=not there))
    stopped = None
    with ResultsTable(folder / "results.csv", filter(None, records)) as table:
        try:
            table.left_out = found.left_out
            for lost_file, why in found.lost:
                table.skip(lost_file, why)
            # What is there goes into the table first, so that an interruption leaves none of it out.
            for item in _not_there(items, names, results, table) if resume else tqdm(items, unit="image"):
                try:
                    data = read_bytes(item.file)
                    result = predictor(data) if item.page is None else predictor(data, page=item.page)
                    result = _with_copy_moves(result) if repeats else result
                    table.add(results.write(item, names[item.place], data, _digest(data), result))
                except Exception as error:  # whatever one file does, the rest go on
                    raise_output_error(error, folder)
                    table.skip(str(item), reason(error, item.file))
        except (KeyboardInterrupt, OutputError) as error:
            stopped = error
        judged, skipped = len(table.rows), list(table.skipped)
        left = len(items) + len(found.lost) - judged - len(skipped)
        try:
            _summarise(table, folder, about, finished=stopped is None, left=left)
        except OutputError as error:
            stopped = stopped or error
    earlier = len(table.rows) - judged
    print(f"{judged} images judged, {len(skipped)} skipped{f', {earlier} of earlier runs' if earlier else ''}; results "
          f"in {printable(folder)}, see results.html and results.csv there")  # fmt: skip
    for row in skipped:
        print(f"skipped: {row['file']}: {row['reason']}")
    for line in found.left_out_lines():
        print(f"left out: {line}")
    if stopped is not None:
        raise stopped
    return 1 if skipped else 0


def _with_copy_moves(result: ManipulationResult) -> ManipulationResult:
    """The same with copy-moves, which are shown even where ``TEST.REPEATS`` False keeps them out of the map."""
    if result.copy_moves is not None:
        return result
    return dataclasses.replace(result, copy_moves=detect_copy_moves(result.image, result.manipulation_map))


def _summarise(table: ResultsTable, folder: Path, about: dict, *, finished: bool, left: int) -> None:
    """Replaces table and pages."""
    with staged(folder) as stage:
        table.finish(stage / table.path.name)
        expected = len(table.rows) + len(table.skipped) + left
        pages = write_pages(stage, table.rows, table.skipped, about, finished=finished, expected=expected,
                            left_out=table.left_out)  # fmt: skip
    remove_other_pages(folder, "results", len(pages))


def _not_there(items: list[Item], names, results: ResultFiles, table: ResultsTable) -> tqdm:
    """Adds the results that are there to the table; the other items, with their own progress."""
    left = []
    for item in tqdm(items, unit="image", desc="looking for results"):
        try:
            known = results.find(item, names[item.place], _digest(read_bytes(item.file)))
        except Exception:  # judging meets it again, and says what it is
            known = None
        if known is None:
            left.append(item)
        else:
            table.add(known)
    return tqdm(left, unit="image")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
