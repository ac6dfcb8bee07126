from __future__ import annotations

import pytest

from constrained_rcnn.evidence import Level, examine, maker_notes
from constrained_rcnn.evidence.exif import read_exif
from tests.helpers.maker_notes import block, nikon
from tests.helpers.photo_files import as_jpeg, photo


def metadata(data: bytes):
    (found,) = examine(as_jpeg(photo(), exif=data), ["metadata"])
    return found


def test_notes_are_read():
    pytest.importorskip("exifread")
    notes = read_exif(block(nikon())).maker_notes
    assert notes.maker == "Nikon" and notes.values == {"quality": "FINE", "serial": "2012345"}
    assert notes.library.startswith("exifread ") and not notes.problem


def test_notes_of_the_same_camera_contradict_nothing():
    found = metadata(block(nikon(), serial="2012345"))
    assert found.level is Level.NOTHING_FOUND
    assert found.facts["maker_notes"]["maker"] == "Nikon"


def test_notes_of_another_maker_are_a_second_device():
    found = metadata(block(nikon(), make="Canon", model="Canon EOS 5D"))
    assert found.level is Level.MODERATE and "EXIF names a camera of Canon, but the maker notes are those of Nikon" in (
        found.sentence
    )


def test_two_serial_numbers_are_two_devices():
    pytest.importorskip("exifread")
    found = metadata(block(nikon(), serial="7777777"))
    assert found.level is Level.MODERATE and "two serial numbers (7777777, 2012345)" in found.sentence


@pytest.mark.parametrize("make", ["NIKON", "Nikon Corporation"])
def test_makes_are_compared_without_case(make):
    assert metadata(block(nikon(), make=make)).level is Level.NOTHING_FOUND


def test_without_the_library_the_maker_is_still_told(monkeypatch):
    monkeypatch.setattr(maker_notes, "exifread", None)
    found = metadata(block(nikon()))
    assert found.facts["maker_notes"] == {
        "maker": "Nikon", "problem": "exifread is not installed: pip install 'constrained_rcnn[makernotes]'",
    }  # fmt: skip


def test_reading_ends_after_a_number_of_reads():
    """Notes of one maker read as another's send the library astray; nothing here counts seconds."""
    pytest.importorskip("exifread")
    notes = read_exif(block(nikon(), make="Canon", model="Canon EOS 5D")).maker_notes
    assert notes.maker == "Nikon" and "take too long to read" in notes.problem


def test_large_blocks_are_passed_over():
    pytest.importorskip("exifread")
    notes = maker_notes.read_maker_notes(nikon(), block(nikon()) + bytes(maker_notes.MAX_BYTES))
    assert "more than 64 KiB" in notes.problem


def test_file_without_notes_says_nothing_of_them():
    (found,) = examine(as_jpeg(photo(), exif=block(b"")), ["metadata"])
    assert not found.facts.get("maker_notes")
