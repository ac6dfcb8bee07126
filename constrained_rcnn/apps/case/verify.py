"""``verify``: is a sealed case as it was sealed, and does detection say the same again?"""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from ...model_zoo import load_default_config
from ...utils.files import printable
from ...utils.provenance import sha256
from ..detect.run import run as detect
from .comparison import EXACT, LOOSE, compare_evidence, compare_results
from .environment import differences, environment
from .layout import MANIFEST, RESULTS, require_sealed
from .manifest import check_files, read_manifest
from .sealed_case import SealedCase, find_weights, read_case

#: How many files of a kind are named before the rest is counted.
_NAMED = 20


def verify(case: str, *, weights: str | None = None, digest: str | None = None, rerun: bool = True) -> int:
    """Checks every digest, then detects again and compares; nothing in the case is written to.

    Args:
        case: its folder.
        weights: the checkpoint that it was made with; None: the package's own.
        digest: SHA-256 of the manifest that was noted elsewhere; None: none was.
        rerun: also detect again.

    Returns:
        0 if all is equal, else 1.

    Raises:
        UserError: no sealed case, or it cannot be run again here.
    """
    folder = Path(case)
    require_sealed(folder)
    digests, manifest = read_manifest(folder), sha256(folder / MANIFEST)
    print(f"{printable(folder)}: {len(digests)} files; SHA-256 of {MANIFEST}:\n{manifest}")
    if digest is not None and digest != manifest:
        print(f"differs: the digest that was noted is another one, {digest}: this is not the case that was sealed")
        return 1
    check = check_files(folder, digests)
    for kind in ("missing", "changed", "added"):
        names = getattr(check, kind)
        for name in names[:_NAMED]:
            print(f"{kind}: {printable(name)}")
        if len(names) > _NAMED:
            print(f"{kind}: {len(names) - _NAMED} more")
    if not check.equal:
        print("differs: this is not the case that was sealed; so nothing was run again")
        return 1
    print(f"digests: equal{', as is the one noted elsewhere' if digest else ''}")
    if not rerun:
        return 0
    return _run_again(read_case(folder, digests), weights)


def _run_again(case: SealedCase, weights: str | None) -> int:
    options = ["MODEL.WEIGHTS", find_weights(case, weights)]
    config = str(case.config)
    device = load_default_config(config, options).MODEL.DEVICE
    others = differences(case.environment, environment(device))
    tolerance = LOOSE if others or device.startswith("cuda") else EXACT
    print(f"sealed {case.sealed}; detecting again in {len(case.copies)} files")
    for line in others:
        print(f"  {line}")
    if tolerance is LOOSE:
        why = "because of that" if others else "on a graphics card sums come in any order, so"
        print(f"  {why} these may differ: {tolerance}")
    copies = [str(copy) for copy in case.copies]
    with tempfile.TemporaryDirectory(prefix="constrained-rcnn-verify-") as place:
        again = Path(place)
        with contextlib.redirect_stdout(io.StringIO()):  # what it says is compared, not shown
            detect(
                config, copies, str(again / RESULTS), options, copy_move=case.copy_move, pages=case.pages,
                evidence=case.evidence if case.evidence.witnesses else None,
            )  # fmt: skip
        rows = []
        for name in _names(case.folder / RESULTS, again / RESULTS):
            folders = case.folder / RESULTS, again / RESULTS
            rows.append((name, "detection", compare_results(*folders, name, tolerance)))
            if case.evidence.witnesses:
                rows.append((name, "evidence", compare_evidence(*folders, name, tolerance)))
    return _tell(rows, exact=tolerance is EXACT)


def _names(*folders: Path) -> list[str]:
    return sorted({path.stem for folder in folders for path in folder.glob("*.json")})


def _tell(rows: list[tuple[str, str, list[str]]], *, exact: bool) -> int:
    """Prints the table; exit status."""
    same = "equal" if exact else "equal within tolerance"
    width = max(len(printable(name)) for name, _, _ in rows) if rows else 0
    for name, what, found in rows:
        print(f"{printable(name):<{width}}  {what:<9}  {'differs: ' + '; '.join(found) if found else same}")
    count = sum(bool(found) for _, _, found in rows)
    print(f"differs: {count} of {len(rows)} comparisons" if count else f"{same}: {len(rows)} comparisons")
    return int(count > 0)
