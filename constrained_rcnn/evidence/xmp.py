"""XMP read flat and bounded: local names of elements and attributes with their texts, and the editing history."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.parsers import expat

#: Largest packet that is read, bytes; most values, and longest text, that are kept.
MAX_BYTES, _MOST, _LONGEST = 1 << 20, 2_000, 500
#: Most steps of a history.
_MOST_STEPS = 200
#: What entities could be declared in; XMP needs none, and they are how XML is made to blow up.
_DECLARATION = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_DEEPEST = 60


@dataclass
class Xmp:
    """
    Attributes:
        values: local name, for instance ``CreatorTool`` -> its texts in order.
        history: steps of ``xmpMM:History``: ``action``, ``softwareAgent``, ``when``, ``changed`` where they are told.
        problem: why the packet was not read, or not to its end; "" where it was.
    """

    values: dict[str, list[str]] = field(default_factory=dict)
    history: list[dict[str, str]] = field(default_factory=list)
    problem: str = ""

    def first(self, *names: str) -> str | None:
        """The first text of the first of these names that has one."""
        return next((self.values[name][0] for name in names if self.values.get(name)), None)


def read_xmp(packet: bytes) -> Xmp:
    """Args: packet: as it stands in a file. Never raises for bad content: ``problem`` says what is wrong."""
    if len(packet) > MAX_BYTES:
        return Xmp(problem=f"XMP of more than {MAX_BYTES >> 20} MiB was passed over")
    text = _decoded(packet)
    if _DECLARATION.search(text):
        return Xmp(problem="XMP that declares entities was passed over")
    start, end = text.find("<"), text.rfind(">")
    text = re.sub(r"<\?.*?\?>", "", text[start : end + 1], flags=re.DOTALL)
    found = Xmp()
    try:
        if _depth(text) > _DEEPEST:
            return Xmp(problem="XMP that is nested too deeply was passed over")
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return Xmp(problem=f"XMP cannot be read: {error}")
    _collect(root, found)
    return found


def _depth(text: str) -> int:
    """How deeply elements are nested; nothing is built for it."""
    depth = deepest = 0
    parser = expat.ParserCreate()

    def opens(name, attributes):
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)

    def closes(name):
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = opens, closes
    try:
        parser.Parse(text, True)
    except expat.ExpatError:  # the reader says what is wrong
        pass
    return deepest


def _decoded(packet: bytes) -> str:
    for mark, encoding in ((b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le")):
        if packet.startswith(mark):
            return packet[2:].decode(encoding, "replace")
    return packet.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\0")


def _collect(root: ElementTree.Element, found: Xmp) -> None:
    count = 0
    waiting = [(root, "")]
    while waiting and count < _MOST:
        element, owner = waiting.pop()
        name = _local(element.tag)
        # Items of lists belong to the list's name.
        owner = owner if name in ("Bag", "Seq", "Alt", "li", "Description", "RDF") else name
        if name == "li" and owner == "History" and len(found.history) < _MOST_STEPS:
            found.history.append(_step(element))
            continue
        texts = [(_local(key), value) for key, value in element.attrib.items()] + [(owner, element.text or "")]
        for key, value in texts:
            if key and value.strip():
                found.values.setdefault(key, []).append(value.strip()[:_LONGEST])
                count += 1
        waiting += [(child, owner) for child in reversed(element)]


def _step(element: ElementTree.Element) -> dict[str, str]:
    attributes = {_local(key): value for key, value in element.attrib.items()}
    attributes |= {_local(child.tag): child.text or "" for child in list(element.iter())[1:50]}
    wanted = ("action", "softwareAgent", "when", "changed")
    return {key: attributes[key].strip()[:_LONGEST] for key in wanted if attributes.get(key, "").strip()}


def _local(name: str) -> str:
    return name.rpartition("}")[2]
