"""Judging a list of files: what ``tools/demo.py`` does."""

from __future__ import annotations

import glob
import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from . import __version__
from .config import load_config
from .data.files import list_images, write_bytes_atomic, write_json_atomic, write_png_atomic
from .data.image_io import read_image
from .errors import UserError
from .predictor import ManipulationPredictor, sha256
from .report import overlay

#: JPEG quality of the overlays.
OVERLAY_QUALITY = 92


def run(config_file: str, inputs: list[str], output: str, options: list[str]) -> int:
    """Judges every input and writes ``<stem>.json``, ``<stem>_map.png`` and ``<stem>_overlay.jpg``.

    Args:
        config_file, options: see :func:`load_config`.
        inputs: files, folders (searched recursively) and glob patterns.
        output: folder for the results, made if it is not there.

    Returns:
        0, or 1 if any input was skipped; each is listed with its reason at the end.

    Raises:
        UserError: nothing to judge, or a config or weights that cannot be used.
    """
    files, skipped = find_inputs(inputs)
    if not files:
        raise UserError(f"--input {' '.join(inputs)}: no picture found there; give files, folders or patterns")
    predictor = ManipulationPredictor(load_config(config_file, options))
    weights = {"file": os.path.basename(predictor.cfg.MODEL.WEIGHTS), "sha256": sha256(predictor.cfg.MODEL.WEIGHTS)}
    names = output_names(files)
    judged = 0
    for file in tqdm(files, unit="image"):
        try:
            judge(predictor, file, Path(output), names[file], weights)
            judged += 1
        except UserError as error:
            skipped.append(" ".join(str(error).split()))
    print(f"{judged} images judged, {len(skipped)} skipped; results in {output}")
    for line in skipped:
        print(f"skipped: {line}")
    return 1 if skipped else 0


def judge(predictor: ManipulationPredictor, file: Path, output: Path, name: str, weights: dict) -> None:
    """Writes the three result files of one image; the JSON last, so that it stands for a finished result."""
    image = read_image(file, "BGR", max_pixels=predictor.cfg.INPUT.MAX_PIXELS)
    result = predictor(image)
    write_png_atomic(output / f"{name}_map.png", np.rint(result.manipulation_map * 65535).astype(np.uint16))
    _, data = cv2.imencode(".jpg", overlay(image, result), [cv2.IMWRITE_JPEG_QUALITY, OVERLAY_QUALITY])
    write_bytes_atomic(output / f"{name}_overlay.jpg", data.tobytes())
    about = {"file": str(file), "sha256": sha256(file), "weights": weights, "version": __version__}
    write_json_atomic(output / f"{name}.json", {**about, **result.to_json()}, indent=2)


def find_inputs(inputs: list[str]) -> tuple[list[Path], list[str]]:
    """Resolves files, folders and patterns.

    Returns:
        The files, each once, in the order given; and one line per input that leads nowhere.
    """
    files: list[Path] = []
    lost = []
    for given in inputs:
        path = Path(given).expanduser()
        if path.is_dir():
            found = list_images(path)
        elif path.exists():
            found = [path]
        else:
            found = [Path(p) for p in sorted(glob.glob(str(path), recursive=True)) if os.path.isfile(p)]
        if not found:
            lost.append(f"{given}: no such file, or no picture in it")
        files += found
    return list(dict.fromkeys(files)), lost


def output_names(files: list[Path]) -> dict[Path, str]:
    """A name for each file's results: its stem, and where several share one, a digest of the path behind it."""
    stems: dict[str, int] = {}
    for file in files:
        stems[file.stem.lower()] = stems.get(file.stem.lower(), 0) + 1
    return {
        file: file.stem
        if stems[file.stem.lower()] == 1
        else f"{file.stem}-{hashlib.sha256(os.fsencode(file.absolute())).hexdigest()[:8]}"
        for file in files
    }
