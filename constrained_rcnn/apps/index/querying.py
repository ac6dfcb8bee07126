"""Asking an index: its candidates for each input, and what comparing them finds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...images.reading import MAX_PIXELS
from ...matching.index.manifest import Manifest, Place
from ...matching.index.search import Index
from ...utils.errors import UserError
from ...utils.files import printable
from ..compare.comparisons import PAIRS, Comparisons, File, load
from ..compare.results import compare_and_write
from ..files import check_output
from ..image_pages import Item, items_of
from ..inputs import find_inputs
from ..progress import progress_bar

#: Files of the archive that stay in memory for the next input, about a megabyte each, and most that are read at once.
_KEPT, _AT_ONCE = 64, 4


def query(inputs: list[str], index: str, output: str, *, candidates: int, resume: bool, pages: str) -> int:
    """Compares every input with its candidates in an index, and writes what ``compare`` does.

    Args:
        inputs: see :func:`..inputs.find_inputs`.
        index: folder of the index.
        output: folder for the results.
        candidates: files of the index that each input is compared with at most, the likeliest.
        resume: do not compare again what earlier runs in the same folder have compared.
        pages: of inputs with several pages or frames, ``"first"`` or ``"all"``.

    Returns, raises: as :func:`..compare.run.run`; UserError also where the index is damaged, or was made with other
        settings.
    """
    folder, place = Path(output), Path(index)
    if folder.resolve() == place.resolve():
        raise UserError(f"--output {printable(folder)}: is the index; name another folder")
    found = find_inputs(inputs, exclude=[folder, place])
    found.require_images(*inputs)
    check_output(folder, found.files, [PAIRS])
    items = items_of(found.files, pages, max_pixels=MAX_PIXELS)
    with Manifest(place) as manifest:
        search = Index(place, manifest.segments())
        left = []

        def compare(work: Comparisons) -> None:
            archive = _Archive(manifest, work)
            for item in progress_bar(items, unit="image", desc="searching"):
                row = work.read(item)
                if row is None:
                    continue
                places = archive.places(row, search)
                others = archive.read(places[:candidates])
                others = [one for one in others if frozenset((str(item), str(one.item))) not in work.done]
                work.compare_all([(row, others)], swapped=True, bar=False)
                if len(places) > candidates:
                    left.append(f"{item}: {len(places) - candidates} less likely candidates were not compared")

        try:
            return compare_and_write(folder, found, resume, compare)
        finally:
            for line in left:
                print(f"note: {line}; --candidates sets how many are")


class _Archive:
    """The files of an index, which need not be there any more."""

    def __init__(self, manifest: Manifest, work: Comparisons):
        self._manifest, self._work = manifest, work
        self._files: dict[Place, File | None] = {}

    def places(self, row: File, search: Index) -> list[Place]:
        """Candidates for an image, the likeliest first; the image itself is none."""
        same = self._manifest.image(row.sha256, row.item.page or 0)
        images = [] if same is None else [same]
        images += [one.image for one in search.candidates(row.described)]
        itself = row.item.file.resolve(), row.item.page or 0
        return [place for place in self._places(images) if (place.path.resolve(), place.page) != itself]

    def read(self, places: list[Place]) -> list[File]:
        """Those that are there and have not changed; the others are told once."""
        new = [place for place in places if place not in self._files]
        with ThreadPoolExecutor(min(_AT_ONCE, os.cpu_count() or 1)) as pool:
            for place, loaded in zip(new, pool.map(load, map(_item, new))):
                self._files[place] = self._admitted(place, loaded)
        files = [file for file in map(self._files.get, places) if file is not None]
        kept = [place for place, file in self._files.items() if file is not None]
        for place in kept[:-_KEPT]:
            del self._files[place]
        return files

    def _places(self, images: list[int]) -> Iterator[Place]:
        for image in dict.fromkeys(images):
            yield from self._manifest.places_of(image)

    def _admitted(self, place: Place, loaded: File | Exception) -> File | None:
        if isinstance(loaded, File) and loaded.sha256 != self._manifest.sha256_of(place.image):
            loaded = UserError("has changed since it was indexed; run `constrained-rcnn index add`")
        return self._work.admit(_item(place), loaded)


def _item(place: Place) -> Item:
    return Item(place.path, place.page or None)
