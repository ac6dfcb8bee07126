"""The list of certificates that signers of Content Credentials are checked against: the user's own copy, or none.

None comes with the package: lists change, an old one would call new signers untrusted and withdrawn ones trusted, and
nothing is fetched. C2PA publishes its list as a PEM file (repository c2pa-org/conformance-public, folder trust-list).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ..utils.files import printable

#: Names the PEM file.
VARIABLE = "CONSTRAINED_RCNN_TRUST_LIST"
#: Largest list that is read, bytes.
_MAX_BYTES = 1 << 24
_BEGIN = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class TrustList:
    """
    Attributes:
        words: for the sheet: the file's name, how many certificates it has, and its digest; or why there is no list.
        pem: its content; "" without a list.
    """

    words: str
    pem: str = ""


def trust_list() -> TrustList:
    """The list that ``CONSTRAINED_RCNN_TRUST_LIST`` names. Never raises: ``words`` says what is wrong with it."""
    path = os.environ.get(VARIABLE)
    if not path:
        return TrustList(f"none: whether the signer is to be trusted was not checked; {VARIABLE} can name a list")
    name = printable(Path(path).name)
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
        text = content.decode("ascii")
    except (OSError, UnicodeDecodeError):
        return TrustList(f"none: the list {name} cannot be read")
    count = text.count(_BEGIN)
    if not count or len(content) > _MAX_BYTES:
        return TrustList(f"none: the list {name} holds no certificates in PEM, or is too large")
    digest = hashlib.sha256(content).hexdigest()[:16]
    return TrustList(f"{name}, {count} certificates, SHA-256 {digest}", text)
