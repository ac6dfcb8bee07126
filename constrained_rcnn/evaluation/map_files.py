"""Score maps as files: written without loss, and read from whatever another tool has written (no Torch)."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

from ..images.reading import MAX_PIXELS
from ..utils.errors import UserError
from ..utils.files import write_bytes_atomic, write_png_atomic

#: Kinds of files, the best first where an image has several.
SUFFIXES = (".npz", ".npy", ".png")
#: Longest side of a map's preview, pixels.
PREVIEW_SIDE = 320


class SavedMap(NamedTuple):
    """What a file says of an image.

    Attributes:
        score_map: (H, W) of a dtype that :func:`.metrics.pixel.check_score_map` takes.
        score: of the image in [0, 1]; the map's maximum where the file has none.
        predicted: class of the best-scored instance, or None.
    """

    score_map: np.ndarray
    score: float
    predicted: str | None


def write_map(
    path: str | os.PathLike, score_map: np.ndarray, score: float | None = None, predicted: str | None = None
) -> None:
    """Writes a map as compressed npz, without loss, as a whole or not at all.

    Args:
        path: ends in ``.npz``.
        score_map: (H, W) float32 in [0, 1]; stored under ``map``.
        score: image score in [0, 1], stored as float64 under ``score`` where there is one.
        predicted: class of the best-scored instance, likewise.
    """
    arrays = {"map": score_map}
    if score is not None:
        arrays["score"] = np.float64(score)
    if predicted is not None:
        arrays["predicted"] = np.array(predicted)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_bytes_atomic(path, buffer.getvalue())


def read_map(path: str | os.PathLike, *, max_pixels: int = MAX_PIXELS) -> SavedMap:
    """Reads a map of any tool.

    Args:
        path: npz with an array ``map`` (or a single array) and optionally ``score`` and ``predicted``, as
            this package and TruFor write it; npy; or PNG, grey of 1, 8 or 16 bits whose white is 1.
        max_pixels: larger images are refused before they are decoded.

    Raises:
        UserError: it cannot be read, or holds no single map. Values are checked where they are scored.
    """
    path = Path(path)
    score = predicted = None
    try:
        if path.suffix.lower() == ".png":
            array = _read_png(path, max_pixels)
        else:
            loaded = np.load(path, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                array = loaded
            else:
                with loaded:
                    array, score, predicted = _from_npz(path, loaded)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, Image.DecompressionBombError, SyntaxError) as error:
        # NumPy's own words would advise to run the pickled code that such a file may hold.
        reason = "Python objects, or no NumPy file" if "pickle" in str(error) else " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read as a map ({reason})") from None
    while array.ndim > 2 and array.shape[0] == 1:  # a batch or channel of one
        array = array[0]
    if array.ndim != 2 or array.size == 0:
        raise UserError(f"{path}: an array of shape {array.shape}; a map has one value per pixel: (height, width)")
    return SavedMap(array, _maximum(array) if score is None else score, predicted)


def write_preview(path: str | os.PathLike, score_map: np.ndarray) -> None:
    """Writes a small 8-bit PNG of a map, for looking only.

    Args:
        path: ends in ``.png``.
        score_map: (H, W) float32 in [0, 1].
    """
    shrink = PREVIEW_SIDE / max(score_map.shape)
    if shrink < 1:
        size = tuple(max(1, round(side * shrink)) for side in score_map.shape[::-1])
        score_map = cv2.resize(score_map, size, interpolation=cv2.INTER_AREA)
    write_png_atomic(path, np.rint(score_map * 255).astype(np.uint8))


def map_names(dataset_dicts: Sequence[Mapping[str, Any]]) -> dict[int | str, str]:
    """image id -> posix path for its map, without ``.npz``: the image's own, relative to what all share."""
    if not dataset_dicts:
        return {}
    folders = [os.path.dirname(os.path.abspath(item["file_name"])) for item in dataset_dicts]
    root = os.path.commonpath(folders)
    return {
        item["image_id"]: os.path.relpath(os.path.abspath(item["file_name"]), root).replace(os.sep, "/")
        for item in dataset_dicts
    }


def find_maps(
    folder: str | os.PathLike, dataset_dicts: Sequence[Mapping[str, Any]], ending: str = ""
) -> dict[int | str, Path]:
    """Which file is whose map: equal names; where several are equal, as many equal parent folders as possible.

    Args:
        folder: searched recursively for ``SUFFIXES``.
        dataset_dicts: the images.
        ending: of the maps' names behind the images', for instance "_map" for ``<image>_map.png``.

    Returns:
        image id -> file. The name before ``ending`` is the image's with or without its suffix.

    Raises:
        UserError: no such folder, nothing in it belongs to any image, or it cannot be told which belongs.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the one that holds the maps")
    by_name: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.stem.endswith(ending) and not path.name.startswith("."):
            by_name.setdefault(path.stem.removesuffix(ending), []).append(path)
    maps: dict[int | str, Path] = {}
    owner: dict[Path, str] = {}
    for item in dataset_dicts:
        image = PurePath(item["file_name"])
        ranked = []
        for name in dict.fromkeys((image.name, image.stem)):
            for path in by_name.get(name, ()):
                parents = _shared_parents(path.relative_to(folder).parent, image.parent)
                ranked.append((-parents, name != image.name, SUFFIXES.index(path.suffix.lower()), path))
        if not ranked:
            continue
        best, *rest = sorted(ranked)
        # Another kind of file beside it is the same map again; another place is another map.
        tied = [path for *rank, path in rest if tuple(rank[:2]) == best[:2] and path.parent != best[3].parent]
        if tied:
            raise UserError(f"{item['file_name']}: is {best[3]} or {tied[0]} its map? Arrange the maps as the images")
        if best[3] in owner:
            raise UserError(
                f"{best[3]}: the map of {owner[best[3]]} or of {item['file_name']}? Keep the images' suffix"
            )
        owner[best[3]] = item["file_name"]
        maps[item["image_id"]] = best[3]
    if not maps:
        raise UserError(
            f"{folder}: no map ({', '.join(SUFFIXES)}) is named like an image, for instance "
            f"{PurePath(dataset_dicts[0]['file_name']).stem + ending if dataset_dicts else '?'}.png"
        )
    return maps


def _shared_parents(first: PurePath, second: PurePath) -> int:
    count = 0
    for a, b in zip(reversed(first.parts), reversed(second.parts)):
        if a != b:
            break
        count += 1
    return count


def _from_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, float | None, str | None]:
    names = list(arrays)
    key = "map" if "map" in names else names[0] if len(names) == 1 else None
    if key is None:
        raise UserError(f"{path}: holds the arrays {names}; the map must be called 'map'")
    score = float(np.asarray(arrays["score"]).reshape(())) if "score" in names else None
    return arrays[key], score, str(arrays["predicted"]) if "predicted" in names else None


def _read_png(path: Path, max_pixels: int) -> np.ndarray:
    with Image.open(path, formats=("PNG",)) as image:  # whatever else has the name: PostScript would be executed
        if image.width * image.height > max_pixels:
            raise UserError(f"{path}: {image.width}x{image.height} is more than {max_pixels} pixels")
        if image.mode == "I":  # 16-bit grey, as older versions of Pillow name it
            return np.array(image).astype(np.uint16)
        if image.mode in ("1", "L", "I;16", "I;16B"):
            array = np.array(image)
            return array.astype(array.dtype.newbyteorder("=")) if array.dtype.byteorder == ">" else array
        array = np.array(image.convert("RGB"))
        if (array != array[:, :, :1]).any():
            raise UserError(f"{path}: a coloured image; a map is grey, its white is 1")
        return array[:, :, 0]


def _maximum(array: np.ndarray) -> float:
    highest = array.max()
    return float(highest) / np.iinfo(array.dtype).max if array.dtype.kind == "u" else float(highest)
