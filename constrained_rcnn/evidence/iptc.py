"""IPTC's older datasets (IIM), as Photoshop stores them in JPEG and TIFF; bounded."""

from __future__ import annotations

#: Number of Photoshop's resource that holds them.
RESOURCE = 0x0404
#: Most datasets, and longest text, that are kept.
_MOST, _LONGEST = 500, 500
#: Datasets of record 2 that witnesses look at.
_NAMES = {55: "date_created", 60: "time_created", 62: "digital_date", 65: "program", 70: "program_version",
          80: "author", 116: "copyright", 120: "caption", 40: "instructions"}  # fmt: skip


def read_iptc(data: bytes) -> dict[str, list[str]]:
    """Args: data: datasets one after another. Returns: name -> texts; what is cut off is left out."""
    found: dict[str, list[str]] = {}
    position = 0
    for _ in range(_MOST):
        head = data[position : position + 5]
        if len(head) < 5 or head[0] != 0x1C:
            break
        length = int.from_bytes(head[3:5], "big")
        if length & 0x8000:  # an extended length; none of the texts needs one
            break
        position += 5
        value = data[position : position + length]
        position += length
        name = _NAMES.get(head[2]) if head[1] == 2 else None
        if name and len(value) == length:
            found.setdefault(name, []).append(value.decode("utf-8", "replace").strip("\0 ")[:_LONGEST])
    return found
