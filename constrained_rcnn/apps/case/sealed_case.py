"""What ``verify`` takes from a sealed case; it may come from anybody, so nothing in it is trusted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...model_zoo import default_weights
from ...utils.errors import UserError
from ...utils.files import printable
from ...utils.provenance import sha256
from ..evidence.options import ALL_WITNESSES, EvidenceOptions
from ..image_pages import ALL, FIRST
from .layout import CASE, ORIGINALS, RESULTS, SCHEMA_VERSION


@dataclass(frozen=True)
class SealedCase:
    """Attributes:
    folder: of the case.
    sealed: when, as it says itself.
    weights_file, weights_sha256: of the weights.
    config: path of the kept config.
    environment: see :func:`.environment.environment`.
    pages, copy_move, evidence: options of the detection.
    copies: paths of the originals' copies.
    """

    folder: Path
    sealed: str
    weights_file: str
    weights_sha256: str
    config: Path
    environment: dict[str, str]
    pages: str
    copy_move: bool
    evidence: EvidenceOptions
    copies: list[Path]


def read_case(folder: Path, names: Iterable[str]) -> SealedCase:
    """Reads ``case.json``.

    Args:
        folder: of the case.
        names: of the manifest's files.

    Raises:
        UserError: it, or the config, is damaged or of another version of this package.
    """
    path = folder / CASE
    names = set(names)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["schema_version"] != SCHEMA_VERSION:
            raise UserError(f"{printable(path)}: has schema_version {printable(str(record['schema_version']))}, not "
                            f"{SCHEMA_VERSION}; verify it with the version of this package that made it")  # fmt: skip
        options, config = record["options"], f"{RESULTS}/config-{record['config_sha256'][:12]}.yaml"
        case = SealedCase(
            folder, printable(record["sealed"]), printable(record["weights"]["file"]), record["weights"]["sha256"],
            folder / config, {printable(name): printable(value) for name, value in record["environment"].items()},
            options["pages"], options["copy_move"], EvidenceOptions(tuple(options["witnesses"]), options["gps"]),
            [folder / name for name in sorted(names) if name.startswith(f"{ORIGINALS}/")],
        )  # fmt: skip
        digests = (case.weights_sha256, record["config_sha256"])
        sound = all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in digests) and config in names
        sound = sound and case.pages in (FIRST, ALL) and isinstance(case.copy_move, bool) and bool(case.copies)
        sound = sound and set(case.evidence.witnesses) <= set(ALL_WITNESSES) and isinstance(case.evidence.gps, bool)
    except UserError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise UserError(f"{printable(path)}: is damaged, or no file of this command; the case cannot be run again")
    # A config could lead to other files, on the network even; those that are kept never do.
    if sha256(case.config) != record["config_sha256"] or b"_BASE_" in case.config.read_bytes():
        raise UserError(f"{printable(case.config)}: is not the config that the case names; it cannot be run again")
    return case


def find_weights(case: SealedCase, weights: str | None) -> str:
    """The path of weights with the case's digest; no path that stands in the case is looked at.

    Args:
        case: of :func:`read_case`.
        weights: a checkpoint that the user names; None: the package's own.

    Raises:
        UserError: these are other weights.
    """
    path = weights or default_weights()
    digest = sha256(path)
    if digest == case.weights_sha256:
        return path
    wanted = f"{case.weights_file}, SHA-256 {case.weights_sha256}"
    if weights:
        raise UserError(f"--weights {printable(weights)}: SHA-256 {digest}; the case was made with {wanted}")
    raise UserError(
        f"the case was made with other weights than the package's own; give them: --weights FILE ({wanted})"
    )
