"""A set of forgeries on disk, in the annotation format: same seed, same bytes, for any number of workers."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import re
import zlib
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from ..data import annotation_format
from ..data.annotation import annotate
from ..data.techniques import AUTHENTIC, TECHNIQUES
from ..images.reading import read_size
from ..utils.errors import UserError
from ..utils.files import output_error, write_bytes_atomic, write_png_atomic
from ..utils.journal import Journal
from .generate import synthesize
from .hard_authentic import hard_authentic as make_hard_authentic
from .objects import Object, ObjectAnnotations
from .photos import Photo, families, read_photo
from .presets import DEFAULT_PRESET, DEFAULT_SIZE, Preset, get_preset

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class _Job:
    """What every item of a set shares."""

    photos: Sequence[Photo]
    families: list[list[int]]
    output: Path
    split: str
    seed: int
    preset: Preset
    techniques: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    authentic: float
    annotations: ObjectAnnotations | None
    count: int = 0


def write_forgeries(
    photos: Sequence[Photo],
    output: Path,
    split: str,
    count: int,
    seed: int,
    *,
    preset: str | Preset = DEFAULT_PRESET,
    techniques: Sequence[str] = TECHNIQUES,
    size: tuple[int, int] | Sequence[tuple[int, int]] = DEFAULT_SIZE,
    authentic: float = 1.0,
    workers: int = 2,
    annotations: ObjectAnnotations | None = None,
    hard_authentic: float = 0.0,
) -> dict:
    """Writes ``images/<split>/``, ``masks/<split>/`` and ``annotations/<split>.json`` under a folder.

    Item ``i`` follows from (seed, split, i), the photos and the options alone. A run that was stopped goes on
    where it stopped; one that is complete already is left as it is.

    Args:
        photos: (name, H x W x 3 uint8 RGB, or a file); names are distinct. Groups are families of photos.
        output: made if it is not there.
        split: name of the set, e.g. "train".
        count: forgeries.
        seed: 0 or more.
        techniques: drawn evenly per forgery.
        size: (height, width), pixels, or several, drawn evenly; the recipe "rgbn" keeps each background's own, the
            recipe "people" where that is smaller.
        authentic: share of forgeries whose authentic counterpart is written as well, in [0, 1].
        workers: threads (OpenCV and NumPy work outside of the interpreter lock).
        annotations: outlined objects of the photos; the others' regions are their own segments.
        hard_authentic: authentic images without a forged counterpart, see ``hard_authentic``, for each forgery, in
            [0, 1]; for the recipe "people" only. The forgeries are the same with and without them.

    Returns:
        ``json_file`` (Path), ``forged``, ``authentic`` (numbers of images), ``skipped`` (one line per photo
        or object that could not be used), ``unchanged`` (True where all was there already).

    Raises:
        UserError: no usable photo, an unknown technique or preset, another set of that name in the folder, or another
            run that makes it.
        OutputError: an output cannot be written; the next run goes on there.
    """
    output, preset = Path(output), get_preset(preset)
    _check(photos, techniques, split, count, seed)
    if hard_authentic and not preset.editing:
        raise UserError(f"preset {preset.name}: hard authentic images are made by preset people only")
    hard = round(hard_authentic * count)
    all_sizes: Any = [size] if isinstance(size[0], int) else size
    sizes = tuple((int(height), int(width)) for height, width in all_sizes)
    job = _Job(photos, [], output, split, seed, preset, tuple(techniques), sizes, authentic, annotations, count)
    fingerprint = _fingerprint(job, hard)
    json_file = output / "annotations" / f"{split}.json"
    if json_file.exists():
        return _complete(json_file, fingerprint)
    kinds = None
    if preset.recipe == "rgbn" and annotations:  # an object goes to a photo that shows its kind, too
        photos = [photo for photo in photos if annotations.kind(photo[0])]
        kinds = [annotations.kind(name) for name, _ in photos]
        job = dataclasses.replace(job, photos=photos)
    groups, skipped = families(photos, seed, count, kinds)
    if sum(map(len, groups)) < (2 if "splice" in techniques else 1):
        reason = f", the first unusable one: {skipped[0]}" if skipped else ""
        raise UserError(f"too few usable photos{reason}")
    if annotations:
        for photo in sorted(sum(groups, [])):
            skipped += _objects(job, photo)[1]
    for line in skipped:
        _log.warning("left out: %s", line)
    job = dataclasses.replace(job, families=groups)
    try:
        json_file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(json_file.parent, error) from None
    with Journal(json_file.with_name(f"{split}.journal"), fingerprint) as journal:
        if json_file.exists():  # another run has made it meanwhile
            journal.remove()
            return _complete(json_file, fingerprint)
        records = _make_all(job, count + hard, journal, max(1, workers))
        images: list[dict[str, Any]] = []
        rows: list[dict[str, Any]] = []
        for index in range(count + hard):
            record = records[index]
            images += record["images"]
            for annotation in record["annotations"]:
                rows.append({"id": len(rows) + 1, **annotation})
        counts = {"forged": count, "authentic": len(images) - count, "skipped": skipped}
        info = {"fingerprint": fingerprint, "seed": seed, "preset": preset.as_dict(), **counts}
        annotation_format.write(json_file, images, rows, classes=TECHNIQUES, info=info)
        journal.remove()
    return {"json_file": json_file, "unchanged": False, **counts}


def _complete(json_file: Path, fingerprint: str) -> dict:
    """What :func:`write_forgeries` returns of a set that is there."""
    info = annotation_format.read_json(json_file).get("info", {})
    if info.get("fingerprint") != fingerprint:
        raise UserError(f"{json_file}: holds another set; give another --output or --split, or delete it")
    counts = {key: info[key] for key in ("forged", "authentic", "skipped")}
    return {"json_file": json_file, "unchanged": True, **counts}


def _check(photos: Sequence[Photo], techniques: Sequence[str], split: str, count: int, seed: int) -> None:
    if not photos:
        raise UserError("no usable photo: give at least one")
    if count < 1 or seed < 0:
        raise UserError(f"count {count} and seed {seed}: give a count of 1 or more and a seed of 0 or more")
    if not re.fullmatch(r"[\w-]+", split):
        raise UserError(f"split {split!r}: use letters, digits, _ and - only (it names a file and folders)")
    for name in techniques:
        if name not in TECHNIQUES:
            raise UserError(f"unknown technique {name!r}: choose from {', '.join(TECHNIQUES)}")
    if "splice" in techniques and len(photos) < 2:
        raise UserError("a splice needs at least two photos: add photos or leave the technique out")


def _fingerprint(job: _Job, hard: int) -> str:
    """Hash of all that decides the bytes; raise the first number when the generator changes."""
    digest = hashlib.sha256()
    for name, pixels in job.photos:
        if isinstance(pixels, np.ndarray):
            digest.update(f"{name} {pixels.shape} {zlib.crc32(np.ascontiguousarray(pixels).data)}\n".encode())
        else:
            status = pixels.stat()
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    preset = job.preset.as_dict()
    size = job.sizes[0] if len(job.sizes) == 1 else job.sizes
    options = [2, job.count, job.split, job.seed, preset, job.techniques, size, job.authentic]
    options += [job.annotations.fingerprint] if job.annotations else []
    options += [{"hard_authentic": hard}] if hard else []
    digest.update(json.dumps(options).encode())
    return digest.hexdigest()


def _make_all(job: _Job, count: int, journal: Journal, workers: int) -> dict[int, dict]:
    records = {}
    for index in range(count):
        record = journal.get(str(index))
        if record and all((job.output / name).is_file() for name in record["files"]):
            records[index] = record
    todo = iter([index for index in range(count) if index not in records])
    waiting: dict[Future[dict], int] = {}
    bar = tqdm(total=count, initial=len(records), desc=f"forging {job.split}", unit="image", disable=None)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # one image per worker is faster than all cores on one image
    try:
        with ThreadPoolExecutor(workers) as pool, bar:
            try:
                while True:
                    while len(waiting) < 2 * workers and (index := next(todo, None)) is not None:
                        waiting[pool.submit(_make_item, job, index)] = index
                    if not waiting:
                        break
                    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                        index = waiting.pop(future)
                        records[index] = future.result()
                        journal.add(str(index), records[index])
                        bar.update()
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        cv2.setNumThreads(threads)
    return records


def _objects(job: _Job, photo: int) -> tuple[list[Object], list[str]]:
    """A photo's annotated objects, and a line for each that cannot be used."""
    if job.annotations is None:
        return [], []
    name, pixels = job.photos[photo]
    size = pixels.shape[:2] if isinstance(pixels, np.ndarray) else read_size(pixels)
    return job.annotations.objects(name, size)


def _make_item(job: _Job, index: int) -> dict:
    """Makes and writes one forgery, or a hard authentic image; returns its entries of the annotation file."""
    if index >= job.count:
        return _make_hard(job, index)
    rng = np.random.default_rng([job.seed, zlib.crc32(job.split.encode()), index])
    order = [(family, photo) for family in job.families for photo in family]
    family, background = order[index % len(order)]
    donors = [photo for photo in family if photo != background]
    names = [background, *(donors[i] for i in rng.permutation(len(donors))[:3])]
    photos = [read_photo(job.photos[photo]) for photo in names]
    objects = [_objects(job, photo)[0] for photo in names]
    masks = [[outlined.mask for outlined in photo] for photo in objects]
    size = job.sizes[rng.integers(len(job.sizes))] if len(job.sizes) > 1 else job.sizes[0]
    forgery = synthesize(photos, rng, job.preset, job.techniques, size, masks)
    for step in forgery.description["steps"]:
        if "object" in step and step["object"] is not None:
            step["category"] = objects[step["donor"]][step["object"]].category
        if "donor" in step:
            step["donor"] = job.photos[names[step["donor"]]][0]
    group = min(job.photos[photo][0] for photo in family)
    counterpart = rng.random() < job.authentic
    # Which of a pair's two numbers is the forged one is drawn, or parity would tell.
    numbers = 2 * index + rng.permutation(2)
    stem, plain_stem = (f"{number:07d}" for number in numbers)
    file_name = f"images/{job.split}/{stem}{forgery.suffix}"
    mask_file = f"masks/{job.split}/{stem}.png"
    write_bytes_atomic(job.output / file_name, forgery.file)
    write_png_atomic(job.output / mask_file, forgery.mask)
    shared = {"height": forgery.mask.shape[0], "width": forgery.mask.shape[1], "group": group}
    forged = {"id": 2 * index + 1, "file_name": file_name, **shared, "authentic": False}
    forged |= {"technique": forgery.technique, "mask_file": mask_file}
    forged |= {"source": job.photos[background][0], "made": forgery.description}
    images, files = [forged], [file_name, mask_file]
    if counterpart:
        name = f"images/{job.split}/{plain_stem}{forgery.suffix}"
        write_bytes_atomic(job.output / name, forgery.authentic_file)
        plain = {"id": 2 * index + 2, "file_name": name, **shared, "authentic": True, "technique": AUTHENTIC}
        images.append(plain | {"mask_file": None, "source": forged["source"]})
        files.append(name)
    annotations = []
    for technique, mask in forgery.regions:
        annotations += [{"image_id": forged["id"], **region} for region in annotate({technique: mask})]
    return {"images": images, "annotations": annotations, "files": files}


def _make_hard(job: _Job, index: int) -> dict:
    rng = np.random.default_rng([job.seed, zlib.crc32(job.split.encode()), index])
    order = [(family, photo) for family in job.families for photo in family]
    family, photo = order[index % len(order)]
    size = job.sizes[rng.integers(len(job.sizes))]
    forgery = make_hard_authentic(read_photo(job.photos[photo]), rng, job.preset, size)
    name = f"images/{job.split}/{2 * index + int(rng.integers(2)):07d}{forgery.suffix}"
    write_bytes_atomic(job.output / name, forgery.authentic_file)
    image = {"id": 2 * index + 1, "file_name": name, "height": forgery.mask.shape[0], "width": forgery.mask.shape[1]}
    image |= {"group": min(job.photos[i][0] for i in family), "authentic": True, "technique": AUTHENTIC}
    image |= {"mask_file": None, "source": job.photos[photo][0], "made": forgery.description}
    return {"images": [image], "annotations": [], "files": [name]}
