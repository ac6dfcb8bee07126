"""Judging any number of files: what ``tools/demo.py`` and ``constrained-rcnn`` do."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from .config import load_config
from .data.files import write_bytes_atomic, write_json_atomic, write_png_atomic
from .errors import UserError
from .evidence import config_sha256, now, sha256, versions
from .inputs import find_inputs, output_names, printable
from .predictor import ManipulationPredictor
from .report import overlay, side_by_side
from .results_page import write_pages
from .results_table import ResultsTable

#: Height of the thumbnails on the results page, pixels.
THUMBNAIL_HEIGHT = 150
#: Largest file that is read, bytes.
MAX_BYTES = 1 << 30


def run(
    config_file: str | None,
    inputs: list[str],
    output: str,
    options: list[str],
    *,
    resume: bool = False,
    float_maps: bool = False,
) -> int:
    """Judges every input.

    Writes per image ``<name>.json``, ``<name>_map.png`` (16 bit), ``<name>_overlay.jpg`` and a thumbnail, and of all
    together ``results.csv`` (row by row while it runs, sorted by score at the end) and ``results.html``.

    Args:
        config_file, options: see :func:`load_config`; a ``config_file`` of None stands for the config and weights
            that come with the package, with ``options`` on top.
        inputs: see :func:`.inputs.find_inputs`.
        output: folder for the results, made if it is not there.
        resume: leave out files whose result is there already, made of the same bytes by the same weights and config.
        float_maps: also write ``<name>_map.npy``, float32.

    Returns:
        0, or 1 if any input was skipped; each is listed with its reason at the end.

    Raises:
        UserError: nothing to judge, or a config or weights that cannot be used.
        KeyboardInterrupt: after table and page of what was finished have been written.
    """
    files, lost = find_inputs(inputs)
    if not files:
        raise UserError(f"--input {' '.join(map(printable, inputs))}: no picture found there; give files, folders "
                        "or patterns")  # fmt: skip
    predictor = ManipulationPredictor(_config(config_file, options))
    about = {
        "weights": {
            "file": os.path.basename(predictor.cfg.MODEL.WEIGHTS), "sha256": sha256(predictor.cfg.MODEL.WEIGHTS)
        },
        "config_sha256": config_sha256(predictor.cfg),
        "versions": versions(),
    }  # fmt: skip
    folder, names = Path(output), output_names(files)
    skipped = [{"file": line.rpartition(": ")[0], "reason": line.rpartition(": ")[2]} for line in lost]
    interrupted = None
    with ResultsTable(folder / "results.csv") as table:
        for row in skipped:
            table.skip(**row)
        try:
            for file in tqdm(files, unit="image"):
                try:
                    table.add(_result_of(predictor, file, folder, names[file], about, resume, float_maps))
                except Exception as error:  # whatever one file does, the rest go on
                    table.skip(printable(file), _reason(error, file))
        except KeyboardInterrupt as error:
            interrupted = error
        table.finish()
        expected = len(files) + len(lost)
        write_pages(folder, table.rows, table.skipped, about, finished=interrupted is None, expected=expected)
    print(f"{len(table.rows)} images judged, {len(table.skipped)} skipped; results in {printable(output)}, "
          "see results.html and results.csv there")  # fmt: skip
    for row in table.skipped:
        print(f"skipped: {row['file']}: {row['reason']}")
    if interrupted is not None:
        raise interrupted
    return 1 if table.skipped else 0


def _config(config_file, options):
    if config_file is not None:
        return load_config(config_file, options)
    from .model_zoo import default_options

    file, own = default_options()
    return load_config(file, [*own, *options])


def _reason(error: BaseException, file: Path) -> str:
    if isinstance(error, MemoryError) or "not enough memory" in str(error):  # NumPy's and Torch's way to say so
        return "not enough memory for a picture of this size"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    said = printable(" ".join(said.split()))
    if not isinstance(error, (UserError, OSError)):
        return f"failed in a way that was not foreseen, please report it: {type(error).__name__}: {said}"
    for prefix in (f"{printable(file)}: ", "image: "):
        said = said.removeprefix(prefix)
    return said


def _result_of(predictor, file: Path, folder: Path, name: str, about: dict, resume: bool, float_maps: bool) -> dict:
    """The JSON record of one file, made now or found."""
    data = _read_bytes(file)
    digest = hashlib.sha256(data).hexdigest()
    suffixes = [".json", "_map.png", "_overlay.jpg", *(["_map.npy"] if float_maps else [])]
    if resume and all((folder / (name + suffix)).is_file() for suffix in suffixes):
        known = _record(folder / f"{name}.json")
        same = {"sha256": digest, "weights": about["weights"], "config_sha256": about["config_sha256"]}
        if same.items() <= known.items():
            return known
    result = predictor(data)
    write_png_atomic(folder / f"{name}_map.png", _to_uint16(result.manipulation_map))
    if float_maps:
        buffer = io.BytesIO()
        np.save(buffer, result.manipulation_map)
        write_bytes_atomic(folder / f"{name}_map.npy", buffer.getvalue())
    result.save_overlay(folder / f"{name}_overlay.jpg")
    _write_thumbnail(folder / "thumbnails" / f"{name}.jpg", result)
    record = {
        "file": printable(file), "sha256": digest, "bytes": len(data), "time": now(), "name": name, **about,
        **result.to_json(),
    }  # fmt: skip
    write_json_atomic(folder / f"{name}.json", record, indent=2)  # the last: it stands for a finished result
    return record


def _to_uint16(manipulation_map: np.ndarray) -> np.ndarray:
    """[0, 1] -> 0..65535, by strips: temporary arrays of a whole picture of 100 megapixels would be 800 MB."""
    deep = np.empty(manipulation_map.shape, np.uint16)
    for top in range(0, len(deep), 512):
        deep[top : top + 512] = np.rint(manipulation_map[top : top + 512] * 65535)
    return deep


def _read_bytes(file: Path) -> bytes:
    """A file's content, read once, so that digest and pixels are of the same bytes."""
    state = os.stat(file)
    if not stat.S_ISREG(state.st_mode):
        raise UserError("not a regular file")
    if state.st_size > MAX_BYTES:
        raise UserError(f"{state.st_size} bytes; files above {MAX_BYTES} are not read")
    return file.read_bytes()


def _record(path: Path) -> dict:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_thumbnail(path: Path, result) -> None:
    picture = side_by_side([("photo", result.image), ("evidence", overlay(result.image, result, footer=False))],
                           THUMBNAIL_HEIGHT, titles=False)  # fmt: skip
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    write_bytes_atomic(path, data.tobytes())
