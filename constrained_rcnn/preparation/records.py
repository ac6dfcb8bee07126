"""One image of a source -> its entry, instances, complete mask on disk, and findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..data.annotation import annotate, complete_mask
from ..data.techniques import AUTHENTIC, MIXED
from ..images.reading import Header, load_image, read_header
from ..images.reading_notes import Reading
from ..utils.errors import UserError
from ..utils.files import write_png_atomic
from ..utils.journal import Journal
from .duplicates import image_print
from .findings import NOTED, SKIPPED, Finding
from .sources import Probe, Sample

#: Images in memory at once, per thread: one being worked on, one waiting.
AHEAD = 2


def mask_names(dataset: str, names: list[str]) -> dict[str, str]:
    """Image name -> mask name, relative to the output folder; unlike also where file systems ignore case."""
    stems = {name: Path(name).with_suffix("").as_posix() for name in names}
    counts = Counter(stem.lower() for stem in stems.values())
    return {name: f"masks/{dataset}/{stem if counts[stem.lower()] == 1 else name}.png" for name, stem in stems.items()}


def make_records(
    dataset: str, output: Path, samples: Mapping[str, Sample], journal: Journal, *, workers: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Makes the records that the journal does not have yet, with a progress bar.

    Args:
        dataset: name, for the bar and the masks' folder.
        output: folder that the masks go under; a record whose mask is not there is made again.
        samples: image name -> sample.
        journal: open; gets each new record.
        workers: threads (decoding and labelling run outside of the interpreter lock).

    Yields:
        (image name, record), in no particular order. A record has ``image`` (entry of the annotation format
        without ``id`` and ``group``; None where the image is skipped), ``annotations`` (see ``annotation.annotate``),
        ``print`` (``duplicates.image_print``), ``specks`` (manipulated pixels of small regions, in no instance),
        ``share`` (manipulated part of the image by its mask, 0..1; None without one) and ``findings`` (dicts).
    """
    masks = mask_names(dataset, list(samples))
    todo = []
    for name, sample in samples.items():
        record = journal.get(name)
        mask = record and record["image"] and record["image"]["mask_file"]
        if record is None or (mask and not (output / mask).is_file()):
            todo.append((name, sample))
        else:
            yield name, record
    queue = iter(todo)
    waiting: dict[Any, str] = {}
    bar = tqdm(total=len(samples), initial=len(samples) - len(todo), desc=dataset, unit="image", disable=None)
    with ThreadPoolExecutor(workers) as pool, bar:
        try:
            while True:
                while len(waiting) < AHEAD * workers and (item := next(queue, None)):
                    name, sample = item
                    waiting[pool.submit(make_record, output, name, masks[name], sample)] = name
                if not waiting:
                    break
                completed = wait(waiting, return_when=FIRST_COMPLETED).done
                # What has succeeded first, so that it is kept.
                for future in sorted(completed, key=lambda attempt: attempt.exception() is not None):
                    name, record = waiting.pop(future), future.result()
                    journal.add(name, record)
                    bar.update()
                    yield name, record
        finally:
            pool.shutdown(cancel_futures=True)


def make_record(output: Path, name: str, mask_name: str, sample: Sample) -> dict[str, Any]:
    """Decodes one image and cuts its mask; writes the complete mask as PNG. Bad input becomes a finding."""
    try:
        header = read_header(sample.image)
        pixels, reading = load_image(sample.image)
        probe = Probe(sample.image, header, pixels)
    except UserError as error:
        return _skipped(name, "unreadable", error)
    try:
        truth = sample.truth(probe) if sample.truth else None
    except UserError as error:
        return _skipped(name, "no ground truth", error)
    masks, boxes = (truth.masks, truth.boxes) if truth else ({}, {})
    annotations = annotate(masks) + [_box(technique, box) for technique in boxes for box in boxes[technique]]
    complete = complete_mask(masks) if masks else None
    if complete is not None:
        write_png_atomic(output / mask_name, complete)
    techniques = [technique for technique, mask in masks.items() if mask.any()]
    techniques += [technique for technique in boxes if boxes[technique] and technique not in techniques]
    technique = AUTHENTIC if not techniques else techniques[0] if len(techniques) == 1 else MIXED
    image = {
        "file_name": name,
        "height": header.height,
        "width": header.width,
        "authentic": not techniques,
        "technique": technique,
        "mask_file": mask_name if masks else None,
    }
    remarks = [*_unusual(header, reading), *(truth.remarks if truth else ())]
    return {
        "image": image,
        "annotations": annotations,
        "print": image_print(probe.pixels),
        "specks": sum(int(mask.sum()) for mask in masks.values())
        - sum(row["area"] for row in annotations if "segmentation" in row),
        "share": None if complete is None else float(complete.mean()),
        "findings": [Finding(action, kind, name, message).as_dict() for action, kind, message in remarks],
    }


def _box(technique: str, box: Sequence[int]) -> dict[str, Any]:
    return {"category": technique, "bbox": list(box), "area": box[2] * box[3], "iscrowd": 0}


def _skipped(name: str, kind: str, error: UserError) -> dict[str, Any]:
    finding = Finding(SKIPPED, kind, name, str(error))
    empty: dict[str, Any] = {"image": None, "annotations": [], "print": None, "specks": 0, "share": None}
    return {**empty, "findings": [finding.as_dict()]}


def _unusual(header: Header, reading: Reading) -> Iterator[tuple[str, str, str]]:
    """Notes on kinds of files that are read by a rule of ours (``images.reading``)."""
    changes = reading.changes
    if header.orientation != 1:
        yield NOTED, "orientation", f"EXIF orientation {header.orientation}, turned upright while reading"
    if header.deep:
        yield NOTED, "16-bit", changes.get("bit_depth", "more than 8 bits per channel")
    if header.several:
        yield NOTED, "several pages", changes.get("page", "several pages or frames")
    if header.mode in ("CMYK", "P", "PA", "LA", "RGBA", "La", "RGBa", "YCbCr", "HSV", "LAB"):
        yield NOTED, "colours", f"stored as {header.mode}, read as RGB (alpha dropped)"
    for kind in ("repaired", "layout", "metadata", "colour_profile"):
        if kind in changes:
            yield NOTED, kind.replace("_", " "), changes[kind]
