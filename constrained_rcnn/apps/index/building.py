"""Files into an index: read once, recognised by content, and counted only when their segment is whole on disk."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from ...images.reading import MAX_PIXELS, load_image
from ...matching.image_pairs import describe
from ...matching.index import codebook, segments
from ...matching.index.manifest import Manifest, NewImage, Place
from ...utils.errors import UserError
from ...utils.files import printable
from ...utils.output_folder import output_folder
from ..files import check_output, read_bytes, reason
from ..image_pages import Item, items_of
from ..inputs import find_inputs
from ..progress import progress_bar

#: Files that are held in memory before they are written, however few descriptors they have.
PART_FILES = 10_000


def build(inputs: list[str], index: str, *, pages: str | None = None) -> int:
    """Puts files into an index. Files that are in it and have not changed since are not read again.

    Args:
        inputs: see :func:`..inputs.find_inputs`.
        index: folder of the index.
        pages: of files with several pages or frames, ``"first"`` or ``"all"``: makes the index where there is none.
            None: there must be one.

    Returns:
        0, or 1 if any file was skipped; each is listed with its reason.

    Raises:
        UserError: no image, or the index was made with other settings, is damaged or written by another run.
        OutputError: the index cannot be written; what was in it stays.
    """
    codebook.faiss()
    folder = Path(index)
    found = find_inputs(inputs, exclude=[folder])
    found.require_images(*inputs)
    check_output(folder, found.files)
    with ExitStack() as stack:
        if pages is None:
            stack.enter_context(Manifest(folder))  # before the folder is made
        stack.enter_context(output_folder(folder, "--index"))
        manifest = stack.enter_context(Manifest(folder, None if pages is None else {"pages": pages}))
        builder = Builder(folder, manifest)
        items = items_of(found.files, manifest.settings["pages"], max_pixels=MAX_PIXELS)
        try:
            builder.add_all(progress_bar(items, unit="image", desc="indexing"))
        finally:
            counts, number = builder.counts, len(found.lost) + len(builder.skipped)
            stored = manifest.counts()
            print(f"{counts['new']} new images, {counts['known']} files whose content is known, {counts['unchanged']} "
                  f"unchanged, {number} skipped; {stored['images']} images of {stored['files']} files in "
                  f"{printable(folder)}")  # fmt: skip
    for file, why in [*found.lost, *builder.skipped]:
        print(f"skipped: {file}: {why}")
    for line in found.left_out_lines():
        print(f"left out: {line}")
    return 1 if number else 0


class Builder:
    """Adds files to an index whose folder is this run's. Memory: a part of ``segments.PART_ROWS`` descriptors, or
    ``segments.PARTS_MERGED`` of them while they are made one.

    Attributes:
        counts: files that are ``new``, ``known`` by their content, or ``unchanged``.
        skipped: (printable name, reason) of those that could not be read.
    """

    def __init__(self, folder: Path, manifest: Manifest):
        self.counts: Counter[str] = Counter()
        self.skipped: list[tuple[str, str]] = []
        self._folder, self._manifest = folder, manifest
        self._remove_leftovers()
        self._begin_part()
        self._merge()  # which a run may have been killed before

    def add_all(self, items: Iterable[Item]) -> None:
        """Adds files, or pages of them. After Ctrl-C, too, what was read is in the index."""
        try:
            for item in items:
                self.add(item)
        except KeyboardInterrupt:
            self.flush()
            raise
        self.flush()

    def add(self, item: Item) -> None:
        path, page = item.file.absolute(), item.page or 0
        known = self._manifest.place(path, page)
        state = size, mtime = _state(path)
        if known is not None and known.image is not None and (known.size, known.mtime) == state:
            self.counts["unchanged"] += 1
            return
        try:
            data = read_bytes(item.file)
        except Exception as error:
            self._skip(item, error, state)
            return
        content = hashlib.sha256(data).hexdigest(), page
        image = self._images[content].id if content in self._images else self._manifest.image(*content)
        if image is not None:
            self.counts["known"] += 1
        else:
            try:
                described = describe(load_image(data, "BGR", page=item.page).pixels)
                if not described.comparable:
                    raise UserError("too small, or too little texture, to be compared")
            except Exception as error:  # whatever one file does, the rest go on
                self._skip(item, error, state)
                return
            image = self._next_image
            segments.add(self._part, image, described.points, described.descriptors)
            self._images[content] = NewImage(image, *content)
            self._next_image += 1
            self.counts["new"] += 1
        self._place(Place(path, page, image, size, mtime))

    def flush(self) -> None:
        """Writes what was added since the last time."""
        if not self._places:
            return
        segment = None
        if self._images:
            number = self._manifest.next_segment()
            segment = segments.save(self._part, self._folder, number, len(self._images))
        self._manifest.commit(self._places, self._images.values(), segment)
        self._begin_part()
        self._merge()

    def _skip(self, item: Item, error: Exception, state: tuple[int, int]) -> None:
        why = reason(error, item.file)
        self.skipped.append((str(item), why))
        self._place(Place(item.file.absolute(), item.page or 0, None, *state, why))

    def _place(self, place: Place) -> None:
        self._places.append(place)
        if self._part.ntotal >= segments.PART_ROWS or len(self._places) >= PART_FILES:
            self.flush()

    def _begin_part(self) -> None:
        self._part = codebook.empty()
        self._images: dict[tuple[str, int], NewImage] = {}
        self._places: list[Place] = []
        self._next_image = self._manifest.next_image()

    def _merge(self) -> None:
        old = segments.to_merge(self._manifest.segments())
        if not old:
            return
        images = sum(one.images for one in old)
        new = segments.save(segments.merged(self._folder, old), self._folder, self._manifest.next_segment(), images)
        self._manifest.replace(old, new)
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """Segments that the manifest does not name: a run was killed before it did, or they were merged."""
        named = {one.file for one in self._manifest.segments()}
        for path in self._folder.glob("segment-*.faiss"):
            if path.name not in named:
                path.unlink()


def _state(path: Path) -> tuple[int, int]:
    """Size and time of change of a file; zeros where it is not there, which reading it will tell."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
