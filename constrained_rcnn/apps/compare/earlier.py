"""What earlier runs into the same folder found."""

from __future__ import annotations

import json
from pathlib import Path

from ...utils.errors import UserError
from ...utils.files import output_error, printable

#: What a pair's record has, and each of its regions.
_TEXTS = ("first", "second", "relation", "first_sha256", "second_sha256")
_REGION = {"matches", "similarity", "angle", "scale", "mirrored", "overlap", "same_picture", "first_altered",
           "second_altered"}  # fmt: skip


class Earlier:
    """The content of ``pairs.json``, which a run adds to.

    Attributes:
        names: of the pairs' files.
    """

    def __init__(self, path: Path, relations: tuple[str, ...]):
        """
        Args:
            path: of the file; nothing was found where there is none.
            relations: that a pair can have.

        Raises:
            UserError: it is another file, or damaged.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            self._pairs, self._skipped = content["pairs"], content["skipped"]
            if not all(_is_record(pair, relations) for pair in self._pairs):
                raise ValueError("another form")
            if not all(isinstance(entry["file"], str) and isinstance(entry["reason"], str) for entry in self._skipped):
                raise ValueError("another form")
        except FileNotFoundError:
            self._pairs, self._skipped = [], []
        except OSError as error:
            raise output_error(path, error) from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            line = f"{printable(path)}: is damaged, or no file of this command; move it, or name another --output"
            raise UserError(line) from None
        self.names = {str(pair["name"]) for pair in self._pairs if pair["name"]}

    def others(self, compared: set[frozenset[str]]) -> list[dict]:
        """The pairs that are not among those whose names are given."""
        return [pair for pair in self._pairs if frozenset((pair["first"], pair["second"])) not in compared]

    def skipped_others(self, skipped: list[dict], read: set[str]) -> list[dict]:
        """What was skipped and is neither skipped again nor, by its name, among what could be read this time."""
        again = {entry["file"] for entry in skipped} | read
        return [entry for entry in self._skipped if entry["file"] not in again]


def _is_record(pair: dict, relations: tuple[str, ...]) -> bool:
    has_files = bool(pair["name"] and pair["width"] and pair["height"])
    return (
        all(isinstance(pair[key], str) for key in _TEXTS)
        and pair["relation"] in relations
        and bool(pair["shared"]) == has_files
        and all(_REGION <= region.keys() for region in pair["shared"])
    )
