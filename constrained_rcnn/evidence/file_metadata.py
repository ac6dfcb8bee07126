"""All that a file says about itself, read once: EXIF, XMP, IPTC and the texts of a PNG."""

from __future__ import annotations

from dataclasses import dataclass, field

from .exhibit import Exhibit
from .exif import Exif, read_exif
from .iptc import RESOURCE, read_iptc
from .xmp import Xmp, read_xmp


@dataclass
class FileMetadata:
    """
    Attributes:
        exif, xmp, iptc: as their readers give them; empty where the file has none.
        texts: of a PNG, or a JPEG's comment.
        problems: what could not be read, in words.
    """

    exif: Exif = field(default_factory=Exif)
    xmp: Xmp = field(default_factory=Xmp)
    iptc: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        return [problem for problem in (self.exif.problem, self.xmp.problem) if problem]

    @property
    def empty(self) -> bool:
        """The file says nothing about itself."""
        return not (self.exif.values or self.xmp.values or self.iptc or self.texts or self.problems)

    def software(self) -> dict[str, str]:
        """Where a program is named -> its name."""
        named = {
            "EXIF Software": self.exif.values.get("software"),
            "XMP CreatorTool": self.xmp.first("CreatorTool"),
            "IPTC program": next(iter(self.iptc.get("program", [])), None),
        }
        named |= {f"text {key}": value[:200] for key, value in self.texts.items() if key.lower() == "software"}
        for step in self.xmp.history:
            if agent := step.get("softwareAgent"):
                named.setdefault(f"XMP history: {agent}", agent)
        return {where: str(name) for where, name in named.items() if name}


def read_metadata(exhibit: Exhibit) -> FileMetadata:
    """Reads what the exhibit's header holds; what is broken is told in ``problems``, never raised."""
    info, tags = exhibit.info, exhibit.info.get("tags", {})
    found = FileMetadata()
    exif = info.get("exif")
    found.exif = read_exif(exif) if isinstance(exif, bytes) else Exif()
    for name, number in (("make", 271), ("model", 272), ("software", 305), ("modified", 306), ("artist", 315)):
        if isinstance(tags.get(number), str):  # of a TIFF
            found.exif.values.setdefault(name, tags[number].strip("\0 ")[:300])
    texts = dict(info.get("texts", {}))
    packet = info.get("xmp") or tags.get(700) or texts.pop("XML:com.adobe.xmp", b"")
    texts.pop("XML:com.adobe.xmp", None)
    if isinstance(packet, str):
        packet = packet.encode("utf-8", "replace")
    found.xmp = read_xmp(packet) if isinstance(packet, bytes) and packet else Xmp()
    photoshop = info.get("photoshop")
    datasets = photoshop.get(RESOURCE) if isinstance(photoshop, dict) else tags.get(33723)
    found.iptc = read_iptc(datasets) if isinstance(datasets, bytes) else {}
    comment = info.get("comment")
    if isinstance(comment, bytes) and comment.strip(b"\0 "):
        texts["comment"] = comment[: 1 << 16].decode("utf-8", "replace")
    found.texts = texts
    return found
