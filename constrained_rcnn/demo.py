"""Judging any number of files: what ``tools/demo.py`` and ``constrained-rcnn`` do."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tqdm import tqdm

from .batch import check_output, read_bytes, reason
from .config import load_config
from .data.files import write_bytes_atomic
from .data.output_folder import output_folder, raise_output_error, staged
from .errors import OutputError, UserError
from .evidence import config_sha256, config_text, sha256, versions
from .html_page import remove_other_pages
from .inputs import find_inputs, output_names, printable
from .predictor import ManipulationPredictor
from .result_files import THUMBNAILS, ResultFiles
from .results_page import write_pages
from .results_table import ResultsTable


def run(
    config_file: str | None,
    inputs: list[str],
    output: str,
    options: list[str],
    *,
    resume: bool = False,
    float_maps: bool = False,
    repeats: bool = True,
) -> int:
    """Judges every input.

    Writes per image ``<name>.json``, ``<name>_map.png`` (16 bit), ``<name>_overlay.jpg``, a thumbnail and, where
    regions occur twice (:mod:`.repeats`), ``<name>_repeats.jpg``; and of all together ``results.csv``, ``results.html``
    and the config whose digest the results carry, ``config-<its first 12 digits>.yaml``. Results of other files, from
    earlier runs into the same folder, stay, in table and page, too; every file is replaced only by a complete new one.

    Args:
        config_file, options: see :func:`load_config`; a ``config_file`` of None stands for the config and weights
            that come with the package, with ``options`` on top.
        inputs: see :func:`.inputs.find_inputs`; ``output`` inside of a folder is passed over.
        output: folder for the results, made if it is not there.
        resume: leave out files whose result is there already, made of the same bytes by the same weights and config.
        float_maps: also write ``<name>_map.npy``, float32.
        repeats: look for regions that occur twice; False also sets ``TEST.REPEATS`` False.

    Returns:
        0, or 1 if any input was skipped; each is listed with its reason at the end.

    Raises:
        UserError: nothing to judge, inputs in the output folder, another run at work there, or a config or weights
            that cannot be used.
        OutputError: an output cannot be written. Table and page of what was finished are, if they can be.
        KeyboardInterrupt: after table and page of what was finished have been written.
    """
    folder = Path(output)
    files, lost = find_inputs(inputs, exclude=[folder])
    if not files:
        raise UserError(f"--input {' '.join(map(printable, inputs))}: no picture found there; give files, folders "
                        "or patterns")  # fmt: skip
    check_output(folder, files, [THUMBNAILS])
    if not repeats:
        options = [*options, "TEST.REPEATS", "False"]
    with output_folder(folder, parts=[THUMBNAILS]):
        return _run(files, lost, folder, _config(config_file, options), resume, float_maps, repeats)


def _run(files: list[Path], lost, folder: Path, cfg, resume: bool, float_maps: bool, repeats: bool) -> int:
    """The part of :func:`run` for which the output folder is claimed."""
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
    names = output_names(files)
    results = ResultFiles(folder, about, float_maps=float_maps, repeats=repeats)
    there = results.earlier()
    records = map(results.earlier_record, tqdm(there, unit="image", desc="earlier results", disable=not there))
    stopped = None
    with ResultsTable(folder / "results.csv", filter(None, records)) as table:
        try:
            for lost_file, why in lost:
                table.skip(lost_file, why)
            # What is there goes into the table first, so that an interruption leaves none of it out.
            for file in _not_there(files, names, results, table) if resume else tqdm(files, unit="image"):
                try:
                    data = read_bytes(file)
                    table.add(results.write(file, names[file], data, _digest(data), predictor(data)))
                except Exception as error:  # whatever one file does, the rest go on
                    raise_output_error(error, folder)
                    table.skip(printable(file), reason(error, file))
        except (KeyboardInterrupt, OutputError) as error:
            stopped = error
        judged, skipped = len(table.rows), list(table.skipped)
        left = len(files) + len(lost) - judged - len(skipped)
        try:
            _summarise(table, folder, about, finished=stopped is None, left=left)
        except OutputError as error:
            stopped = stopped or error
    earlier = len(table.rows) - judged
    print(f"{judged} images judged, {len(skipped)} skipped{f', {earlier} of earlier runs' if earlier else ''}; results "
          f"in {printable(folder)}, see results.html and results.csv there")  # fmt: skip
    for row in skipped:
        print(f"skipped: {row['file']}: {row['reason']}")
    if stopped is not None:
        raise stopped
    return 1 if skipped else 0


def _summarise(table: ResultsTable, folder: Path, about: dict, *, finished: bool, left: int) -> None:
    """Replaces table and pages."""
    with staged(folder) as stage:
        table.finish(stage / table.path.name)
        expected = len(table.rows) + len(table.skipped) + left
        pages = write_pages(stage, table.rows, table.skipped, about, finished=finished, expected=expected)
    remove_other_pages(folder, "results", len(pages))


def _config(config_file, options):
    if config_file is not None:
        return load_config(config_file, options)
    from .model_zoo import default_options

    file, own = default_options()
    return load_config(file, [*own, *options])


def _not_there(files: list[Path], names, results: ResultFiles, table: ResultsTable) -> tqdm:
    """Adds the results that are there to the table; the other files, with their own progress."""
    left = []
    for file in tqdm(files, unit="image", desc="looking for results"):
        try:
            known = results.find(file, names[file], _digest(read_bytes(file)))
        except Exception:  # judging meets it again, and says what it is
            known = None
        if known is None:
            left.append(file)
        else:
            table.add(known)
    return tqdm(left, unit="image")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
