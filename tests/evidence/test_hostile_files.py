"""Mutated files through all witnesses that read structures; ``CONSTRAINED_RCNN_FUZZ`` sets how many."""

from __future__ import annotations

import io
import os
import resource

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from constrained_rcnn.evidence.credentials import read_credentials
from constrained_rcnn.evidence.examination import ask
from constrained_rcnn.evidence.exhibit import Exhibit
from constrained_rcnn.evidence.exif import read_exif
from constrained_rcnn.evidence.iptc import read_iptc
from constrained_rcnn.evidence.jpeg_file import jpeg_file
from constrained_rcnn.evidence.registry import WITNESSES
from constrained_rcnn.evidence.xmp import read_xmp
from constrained_rcnn.images.limits import Refused
from constrained_rcnn.utils.errors import UserError
from tests.helpers.credentials import signed
from tests.helpers.maker_notes import block, nikon
from tests.helpers.photo_files import as_jpeg, as_png, exif, photo, xmp

COUNT = int(os.environ.get("CONSTRAINED_RCNN_FUZZ", "300"))
#: Memory that the mutated files may take beyond what the process held before, bytes.
MEMORY = 1 << 30
EXTREMES = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\1",
    b"\xff\xd8\xff\xe1",
)
READERS = ("provenance", "metadata", "jpeg_history")
BLOCK = exif(make="M", model="M1", taken="2020:01:01 00:00:00", width=160, height=144, gps=True,
             thumbnail=photo()[::8, ::8])  # fmt: skip
PACKET = xmp("<rdf:Description xmp:CreatorTool='GIMP'><xmpMM:History><rdf:Seq><rdf:li stEvt:action='saved'/></rdf:Seq>"
             "</xmpMM:History></rdf:Description>")  # fmt: skip
DATASETS = b"\x1c\x02\x41\x00\x04GIMP\x1c\x02\x50\x00\x02ab"


def seeds() -> list[bytes]:
    small = np.ascontiguousarray(photo()[:144, :160])
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", PACKET.decode())
    text.add_text("parameters", "Steps: 20, Sampler: Euler")
    tiff = io.BytesIO()
    Image.fromarray(small).save(tiff, "TIFF", tiffinfo={700: PACKET, 305: "GIMP"})
    files = [
        as_jpeg(small, exif=BLOCK, xmp=PACKET, comment=b"hello"),
        as_jpeg(small, progressive=True, exif=BLOCK) + as_jpeg(small) + b"\0\0\0\x18ftypmp42",
        as_png(small, pnginfo=text, exif=BLOCK),
        as_jpeg(small, exif=block(nikon())),
        tiff.getvalue(),
    ]
    try:
        files.append(signed(files[0]))
    except ImportError:
        pass
    return files


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    made = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        # Mostly near the beginning, where the structures stand.
        at = int(rng.integers(0, len(made))) if rng.random() < 0.3 else int(rng.integers(0, min(len(made), 3000)))
        kind = rng.integers(0, 4)
        if kind == 0:
            made[at] = int(rng.integers(0, 256))
        elif kind == 1:
            extreme = EXTREMES[rng.integers(0, len(EXTREMES))]
            made[at : at + len(extreme)] = extreme
        elif kind == 2:
            del made[at : at + int(rng.integers(1, 200))]
        else:
            made[at:at] = made[at : at + int(rng.integers(1, 2000))]
        if not made:
            return b"\xff"
    return bytes(made)


def test_mutated_files_end_in_findings_or_one_line():
    rng, files = np.random.default_rng(0), seeds()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = 0
    for number in range(COUNT):
        data = mutated(files[number % len(files)], rng)
        try:
            exhibit = Exhibit.read(data)
        except UserError as error:
            assert "\n" not in str(error)
            continue
        read += 1
        for name in READERS:
            found = ask(WITNESSES[name], exhibit)
            assert found.facts.get("error") in (None, "Refused"), (number, name, found.sentence)
    assert read > COUNT // 5
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY


def _jpeg_or_refused(data: bytes):
    try:
        jpeg_file(data)
    except Refused:
        pass


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (read_exif, BLOCK),
        (read_exif, block(nikon())),
        (read_xmp, PACKET),
        (read_iptc, DATASETS),
        (_jpeg_or_refused, seeds()[1]),
    ],
    ids=["exif", "notes", "xmp", "iptc", "jpeg"],
)
def test_mutated_blocks_never_raise(reader, data):
    rng = np.random.default_rng(1)
    for _ in range(COUNT):
        reader(mutated(data, rng))


def test_mutated_credentials_never_raise():
    pytest.importorskip("c2pa")
    rng, data = np.random.default_rng(2), seeds()[-1]
    start = data.index(b"jumb") - 20
    for _ in range(COUNT // 3):
        read_credentials(data[:start] + mutated(data[start:], rng), "JPEG")
