"""What a run that compares images leaves in its output folder, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ... import __version__
from ...utils.errors import OutputError
from ...utils.files import printable, write_bytes_atomic, write_json_atomic
from ...utils.journal import Journal
from ...utils.output_folder import output_folder, staged
from ...utils.provenance import now, versions
from ...visualization.html.page import remove_other_pages
from ..inputs import Inputs
from .comparisons import KINDS, PAIRS, Comparisons
from .earlier import Earlier
from .page import write_page
from .table import RELATIONS, order, table

#: What is known of pairs, so that an interrupted run can go on.
JOURNAL = "compared.jsonl"
#: Of ``pairs.json``, see ``schema/pairs-1.json``.
SCHEMA_VERSION = 1


def compare_and_write(folder: Path, found: Inputs, resume: bool, compare: Callable[[Comparisons], None]) -> int:
    """Claims the output folder, lets pairs be compared, and writes lists and pages of them.

    Args:
        folder: for the results.
        found: the inputs, for the lists of what was not read.
        resume: do not compare again what earlier runs in the same folder have compared.
        compare: compares.

    Returns:
        0, or 1 if any file was skipped; each is listed with its reason at the end.

    Raises:
        UserError: another run is at work in the folder, or what an earlier run left is damaged.
        OutputError: an output cannot be written. Table and page of what was compared are, if they can be.
        KeyboardInterrupt: after table and page of what was compared have been written.
    """
    with output_folder(folder, parts=[PAIRS]):
        earlier = Earlier(folder / "pairs.json", RELATIONS)
        with Journal(folder / JOURNAL, f"constrained_rcnn {__version__}, pairs") as journal:
            work = Comparisons(folder, journal, resume)
            for file, why in found.lost:
                work.skip(file, why)
            stopped: BaseException | None = None
            try:
                compare(work)
            except (KeyboardInterrupt, OutputError) as error:
                stopped = error
            return _write(folder, found, work, earlier, stopped)


def _write(
    folder: Path, found: Inputs, work: Comparisons, earlier: Earlier, stopped: BaseException | None
) -> int:  # fmt: skip
    pairs = sorted([*work.pairs, *earlier.others(work.done)], key=order)
    skipped = [*work.skipped, *earlier.skipped_others(work.skipped, work.names)]
    about = {
        "schema_version": SCHEMA_VERSION,
        "time": now(),
        "versions": versions(("numpy", "PIL", "cv2")),
        "finished": stopped is None,
    }
    try:
        with staged(folder) as stage:
            content = {"pairs": pairs, "skipped": skipped, "left_out": found.left_out, "reading": work.readings}
            write_json_atomic(stage / "pairs.json", {**about, **content}, indent=2)
            write_bytes_atomic(stage / "pairs.csv", table(pairs, skipped, found.left_out))
            pages = write_page(stage, pairs, skipped, about, images=work.number, compared=len(work.done),
                               earlier=len(pairs) - len(work.pairs), left_out=found.left_out)  # fmt: skip
        remove_other_pages(folder, "pairs", len(pages))
        _remove(folder, earlier.names - {pair["name"] for pair in pairs})
    except OutputError as error:
        stopped = stopped or error
    others = f", {len(pairs) - len(work.pairs)} more found by earlier runs" if len(pairs) > len(work.pairs) else ""
    print(f"{work.number} images, {len(work.done)} pairs compared, {len(work.pairs)} of them with something in common"
          f"{others}, {len(work.skipped)} skipped; see pairs.html in {printable(folder)}")  # fmt: skip
    for entry in work.skipped:
        print(f"skipped: {entry['file']}: {entry['reason']}")
    for line in found.left_out_lines():
        print(f"left out: {line}")
    if stopped is not None:
        raise stopped
    return 1 if work.skipped else 0


def _remove(folder: Path, names: set) -> None:
    """Removes the files of pairs that an earlier run found, and this one, which compared them again, did not."""
    for name in names:
        if name and Path(name).name == name:
            for kind in KINDS:
                (folder / PAIRS / f"{name}{kind}").unlink(missing_ok=True)
