"""Comparing any number of files: what ``constrained-rcnn compare`` does."""

from __future__ import annotations

from pathlib import Path

from ...images.reading import MAX_PIXELS
from ...utils.errors import UserError
from ..files import check_output
from ..image_pages import FIRST, Item, items_of
from ..inputs import find_inputs
from ..progress import progress_bar
from .comparisons import PAIRS, Comparisons, File
from .results import compare_and_write


def run(
    inputs: list[str],
    output: str,
    *,
    against: list[str] | None = None,
    resume: bool = False,
    pages: str = FIRST,
) -> int:
    """Compares every input with every other, or with every image of an archive.

    Writes ``pairs.html``, ``pairs.csv`` and ``pairs.json``, and of each pair that has something in common
    ``pairs/<name>.jpg`` and the masks ``pairs/<name>_first.png`` and ``_second.png`` (0 not shared, 128 shared, 255
    altered; of the images' own sizes). Pairs of other files, found by earlier runs into the same folder, stay in all
    of them; every file is replaced only by a complete new one.

    Args:
        inputs: see :func:`..inputs.find_inputs`; ``output`` inside of a folder is passed over.
        output: folder for the results, made if it is not there.
        against: the same for the archive; the input is the first of each pair then. None: the inputs are compared with
            each other.
        resume: do not compare again what earlier runs in the same folder have compared.
        pages: of files with several pages or frames, ``"first"`` or ``"all"``.

    Returns:
        0, or 1 if any file was skipped; each is listed with its reason at the end, as are files in folders that are no
        images.

    Raises:
        UserError: too few files, inputs in the output folder, or another run at work there.
        OutputError: an output cannot be written. Table and page of what was compared are, if they can be.
        KeyboardInterrupt: after table and page of what was compared have been written.
    """
    folder = Path(output)
    some = [find_inputs(given, exclude=[folder]) for given in (inputs, against or [])]
    for given, found in zip((inputs, against), some):
        if given is not None:
            found.require_images(*given)
    items, archive = (items_of(found.files, pages, max_pixels=MAX_PIXELS) for found in some)
    if against is None and len(items) < 2:
        raise UserError(f"{items[0]}: nothing to compare this one image with; give more, or --against")
    check_output(folder, [*some[0].files, *some[1].files], [PAIRS])

    def compare(work: Comparisons) -> None:
        every = list({_resolved(item): item for item in [*archive, *items]}.items())
        read = {key: work.read(item) for key, item in progress_bar(every, unit="image", desc="reading")}
        rows, columns = (
            [read[key] for key in dict.fromkeys(map(_resolved, some)) if read[key]] for some in (items, archive)
        )
        work.compare_all(_rows(rows, columns if archive else None), swapped=bool(archive))

    return compare_and_write(folder, some[0] + some[1], resume, compare)


def _resolved(item: Item) -> tuple[Path, int | None]:
    return item.file.resolve(), item.page


def _rows(rows: list[File], columns: list[File] | None) -> list[tuple[File, list[File]]]:
    """What each image is compared with: those before it or, with an archive, its ``columns``. Each pair once."""
    if columns is None:
        return [(row, rows[:number]) for number, row in enumerate(rows)]
    made, both, done = [], set(columns), set()
    for row in rows:
        before = done if row in both else ()
        made.append((row, [one for one in columns if one is not row and one not in before]))
        done.add(row)
    return made
