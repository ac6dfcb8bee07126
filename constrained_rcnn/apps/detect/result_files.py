"""The files of one image's result: what they are called, whether they are there already, and writing them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ... import __version__
from ...evidence import Finding
from ...images.file_facts import read_facts
from ...utils.files import UNFINISHED, write_bytes_atomic, write_jpeg_atomic, write_json_atomic, write_png_atomic
from ...utils.output_folder import staged
from ...utils.provenance import now
from ...visualization.copy_move import draw_copy_moves
from ...visualization.overlay import thumbnail
from ..evidence.findings import record_of
from ..evidence.options import EvidenceOptions
from ..evidence.sheet import sheet
from ..image_pages import Item
from ..inputs import digested_name
from .table import row_of

#: Of the JSON record, see ``schema/result-1.json``; grows where a key changes its meaning or goes, not where one comes.
SCHEMA_VERSION = 1
#: Folder of the small images that the results page shows.
THUMBNAILS = "thumbnails"


class ResultFiles:
    """Results in a folder: ``<name>.json``, ``<name>_map.png``, ``<name>_overlay.jpg``, ``thumbnails/<name>.jpg``,
    ``<name>_repeats.jpg`` where regions occur twice, ``<name>_evidence.html`` unless it is not wanted, and on request
    ``<name>_map.npy``. An image's files come together,
    when all are written, the JSON last: it stands for a finished result. An earlier result stays until then.
    """

    def __init__(
        self, folder: Path, about: dict, *, float_maps: bool, copy_move: bool, evidence: EvidenceOptions | None = None,
        stage: str = UNFINISHED,
    ):  # fmt: skip
        """
        Args:
            folder: of the results.
            about: ``weights``, ``config_sha256`` and ``versions`` of the run, put into each JSON.
            float_maps: whether ``<name>_map.npy``, float32, belongs to a result.
            copy_move: whether a result needs to know of copy-moves to be whole.
            evidence: the witnesses whose findings a result needs to be whole; None: it needs none.
            stage: folder in it for files that are not whole yet, of this process alone.
        """
        self._folder, self._about, self._float_maps, self._copy_move = folder, about, float_maps, copy_move
        self._evidence, self._stage = evidence, stage

    def find(self, item: Item, name: str, digest: str) -> dict | None:
        """The record of the same bytes, examined by the same weights and config, if all its files are there.

        Args:
            item, digest: the image and its file's SHA-256.
            name: from :func:`..inputs.output_names`.
        """
        wanted = (digest, self._about["config_sha256"], self._about["weights"]["sha256"])
        for candidate in dict.fromkeys((name, digested_name(item.place))):
            known = self._record(candidate)
            if known is None or _made_of(known) != wanted or not self._complete(candidate, known):
                continue
            if item.page in (None, row_of(known)["page"]):
                return {**known, "name": candidate, "file": item.shown}
        return None

    def earlier(self) -> list[Path]:
        """The JSON files in the folder, sorted; those that hold a result have a record."""
        return sorted(path for path in self._folder.glob("*.json") if path.is_file())

    def earlier_record(self, path: Path) -> dict | None:
        """The record of such a file, under the name that its files have; None where it is something else."""
        known = self._record(path.stem)
        return known and {**known, "name": path.stem}

    def write(
        self, item: Item, name: str, data: bytes, digest: str, result, findings: Sequence[Finding] | None = None
    ) -> dict:
        """Writes a result; one of another file, from an earlier run, is never replaced.

        Args:
            item, data, digest: the image, its file's content and the content's SHA-256.
            name: from :func:`..inputs.output_names`; where an earlier run gave it to another file, a digest of the
                path follows it.
            result: a :class:`~constrained_rcnn.inference.result.ManipulationResult`.
            findings: of the witnesses, for the evidence sheet; None: there is none.

        Returns:
            The record in ``<name>.json``.
        """
        known = self._record(name)
        if known is not None and known["file"] != item.shown and known["sha256"] != digest:
            name = digested_name(item.place)
        copy_moves = result.copy_moves
        duplicated = None if copy_moves is None else [copy_move.to_json() for copy_move in copy_moves]
        record = {
            "schema_version": SCHEMA_VERSION,
            "file": item.shown, "sha256": digest, "bytes": len(data), "time": now(), "name": name,
            "file_facts": read_facts(data, item.page).to_json(),
            **self._about, **result.to_json(), "repeats": duplicated, "evidence": None,
        }  # fmt: skip
        if findings is not None:
            gps = self._evidence is not None and self._evidence.gps
            record["evidence"] = record_of(findings, gps=gps)
        with staged(self._folder, self._stage) as stage:
            write_png_atomic(stage / f"{name}_map.png", _to_uint16(result.manipulation_map))
            if self._float_maps:
                buffer = io.BytesIO()
                np.save(buffer, result.manipulation_map)
                write_bytes_atomic(stage / f"{name}_map.npy", buffer.getvalue())
            result.save_overlay(stage / f"{name}_overlay.jpg")
            if copy_moves:
                write_jpeg_atomic(stage / f"{name}_repeats.jpg", draw_copy_moves(result.image, copy_moves), 90)
            profile = result.reading.profile if result.reading else b""
            drawn_from = (result.image, result.manipulation_map, result.detections, result.threshold)
            write_jpeg_atomic(stage / THUMBNAILS / f"{name}.jpg", thumbnail(*drawn_from, profile=profile), 80)
            if findings is not None:
                about = {**record, "format": record["file_facts"]["format"], "version": __version__}
                page = sheet(about, result.image, findings, record["evidence"], profile)
                write_bytes_atomic(stage / _sheet_name(name), page.encode("utf-8"))
            write_json_atomic(stage / f"{name}.json", record, indent=2)
        # Of an earlier run with other numbers.
        files = {f"{name}_map.npy": self._float_maps, f"{name}_repeats.jpg": bool(copy_moves),
                 _sheet_name(name): findings is not None}  # fmt: skip
        for file, is_new in files.items():
            if not is_new:
                (self._folder / file).unlink(missing_ok=True)
        return record

    def _complete(self, name: str, record: dict) -> bool:
        repeats = record.get("repeats")
        if self._copy_move and repeats is None:  # not looked for
            return False
        if self._evidence is not None and not _holds(record.get("evidence"), self._evidence):
            return False
        wanted = [f"{name}_map.png", f"{name}_overlay.jpg", f"{THUMBNAILS}/{name}.jpg"]
        wanted += [f"{name}_map.npy"] * self._float_maps + [f"{name}_repeats.jpg"] * bool(repeats)
        wanted += [_sheet_name(name)] * (self._evidence is not None)
        return all((self._folder / path).is_file() for path in wanted)

    def _record(self, name: str) -> dict | None:
        """A JSON that holds all that a result needs; None: not there, damaged, or something else."""
        try:
            known = json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))
            row_of(known)
            _made_of(known)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return known


def _made_of(record: dict) -> tuple[str, str, str]:
    """Digests of file, config and weights: a result is a file's own if these three agree."""
    return record["sha256"], record["config_sha256"], record["weights"]["sha256"]


def _sheet_name(name: str) -> str:
    return f"{name}_evidence.html"


def _holds(evidence: dict | None, wanted: EvidenceOptions) -> bool:
    """Whether a record has the findings of all witnesses, and the place if it is wanted."""
    if evidence is None or wanted.gps and not evidence["gps"]:
        return False
    return set(wanted.witnesses) <= {one["witness"] for one in evidence["findings"]}


def _to_uint16(manipulation_map: np.ndarray) -> np.ndarray:
    """[0, 1] -> 0..65535, by strips: temporary arrays of a whole image of 100 megapixels would be 800 MB."""
    deep = np.empty(manipulation_map.shape, np.uint16)
    for top in range(0, len(deep), 512):
        deep[top : top + 512] = np.rint(manipulation_map[top : top + 512] * 65535)
    return deep
