"""The variant of a dataset in which every file was compressed alike, so that no table tells the kinds apart."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

from PIL import Image

from ..data import annotation_format
from ..data.lookup import annotation_file
from ..images.reading import read_image
from ..utils.errors import OutputError, UserError
from ..utils.files import write_bytes_atomic, write_json_atomic
from ..utils.output_folder import claim_settings, output_folder

DEFAULT_QUALITY = 90


def recompress(
    datasets: Sequence[str],
    output: str | os.PathLike,
    *,
    quality: int = DEFAULT_QUALITY,
    progress: Callable[[Iterable], Iterable] = iter,
) -> tuple[list[Path], list[str]]:
    """Writes prepared splits anew with all images as baseline JPEG of one quality, 4:2:0, without metadata.

    Traces of what a file went through before stay in its pixels: the table is equal, a first compression at
    another quality is not undone. Run again, it goes on where it stopped.

    Args:
        datasets: prepared splits of one set, as JSON files or predefined names.
        output: new root: ``images/``, ``masks/`` and ``annotations/<split>.json``.
        quality: of the JPEGs, 1 to 100.
        progress: wraps the iteration over the images, for instance ``tqdm``.

    Returns:
        The new annotation files, and a line for each image that was left out.

    Raises:
        UserError: an unknown dataset, a bad quality, another run at work there, or a folder made with other settings
            or of another dataset.
        OutputError: an output cannot be written.
    """
    if not 1 <= quality <= 100:
        raise UserError(f"quality {quality}: give 1 to 100")
    with output_folder(output) as folder:
        return _recompress(datasets, folder, quality, progress)


def _recompress(datasets, output: Path, quality: int, progress) -> tuple[list[Path], list[str]]:
    """The part of :func:`recompress` for which the output folder is claimed."""
    paths, problems = [], []
    for name in datasets:
        path, image_root = annotation_file(name)
        if path is None:
            raise UserError(f"{name}: no prepared split of that name; give <root>/annotations/<split>.json")
        content, dicts = annotation_format.read_json(path), annotation_format.load(path, image_root)
        root = path.resolve().parent.parent
        if root == output.resolve():
            raise UserError(f"{output}: is the dataset itself; give a new --output")
        claim_settings(output, {"recompressed_at": quality, "source": str(root)})  # equal names are equal images
        sources = {item["image_id"]: item for item in dicts}
        images = []
        for image in progress(content["images"]):
            target = _jpeg_name(image["file_name"])
            try:
                if not (output / target).is_file():
                    _save(read_image(sources[image["id"]]["file_name"], "RGB"), output / target, quality)
                if image["mask_file"] is not None:
                    _copy(Path(sources[image["id"]]["mask_file_name"]), output / image["mask_file"])
            except OutputError:
                raise
            except (UserError, OSError) as error:
                problems.append(str(error))
                continue
            images.append({**image, "file_name": target})
        kept_ids = {image["id"] for image in images}
        content["images"] = images
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] in kept_ids]
        content["info"] = {**content["info"], "image_root": ".", "recompressed": f"JPEG quality {quality}, 4:2:0"}
        paths.append(output / "annotations" / path.name)
        write_json_atomic(paths[-1], content)
    return paths, problems


def _jpeg_name(file_name: str) -> str:
    """``images/<its path>``, ``.jpg`` behind every other suffix: a.jpg and a.tif stay two files."""
    name = PurePosixPath(file_name)
    parts = [part for part in name.parts if part not in ("..", "/")]
    plain = PurePosixPath("images", *parts)
    return str(plain if name.suffix.lower() in (".jpg", ".jpeg") else f"{plain}.jpg")


def _save(rgb, path: Path, quality: int) -> None:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    write_bytes_atomic(path, buffer.getvalue())


def _copy(source: Path, target: Path) -> None:
    if not target.is_file():
        write_bytes_atomic(target, source.read_bytes())
