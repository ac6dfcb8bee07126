"""C2PA Content Credentials: read and validated by c2pa-python where it is installed, without any network."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

try:  # the extra "provenance"
    import c2pa
except ImportError:
    c2pa = None

from ..utils.files import printable
from .trust_list import TrustList, trust_list

#: Kinds of files that may carry credentials.
_MIME = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "TIFF": "image/tiff", "WEBP": "image/webp",
         "AVIF": "image/avif", "HEIF": "image/heif"}  # fmt: skip
#: Nothing is fetched.
_SETTINGS = {
    "verify": {"verify_after_reading": True, "verify_trust": True, "ocsp_fetch": False, "remote_manifest_fetch": False},
}
#: How a box of the kind that holds credentials (JUMBF) is called in a file, and the label of C2PA's own.
_BOX, _LABEL = b"jumb", b"c2pa"
#: A status that only says that the signer is not on the list that is used.
UNTRUSTED = "signingCredential.untrusted"
#: Most statuses, actions and characters that are kept.
_MOST, _LONGEST = 50, 200


@dataclass
class Credentials:
    """
    Attributes:
        present: the file holds a box of credentials.
        read: they were read; False: the library is missing, or failed (see ``problem``).
        valid: they validate, and so belong to these bytes.
        problem: why they were not read, or do not validate; "" otherwise.
        signer, generator, title, signed: who signed, the program that made the claim, the title, the time told.
        actions: what was done, C2PA's names, each with the program and the source type where they are told.
        ingredients: titles of the images that were used.
        library: name and version of what read them.
        trusted: the signer is on the trust list; None: there is no list, or nothing was read.
        trust_list: which list, in words; "" where nothing was read.
    """

    present: bool
    read: bool = False
    valid: bool = False
    problem: str = ""
    signer: str = ""
    generator: str = ""
    title: str = ""
    signed: str = ""
    actions: list[dict[str, str]] = field(default_factory=list)
    ingredients: list[str] = field(default_factory=list)
    library: str = ""
    trusted: bool | None = None
    trust_list: str = ""


def read_credentials(data: bytes, format: str) -> Credentials:
    """Args: data: the file. format: Pillow's name of its kind. Never raises for bad content."""
    present = _BOX in data and _LABEL in data
    if not present:
        return Credentials(False)
    if c2pa is None:
        problem = "c2pa-python is not installed: pip install 'constrained_rcnn[provenance]'"
        return Credentials(True, problem=problem)
    library = f"c2pa-python {getattr(c2pa, '__version__', '')}, C2PA library {c2pa.sdk_version()}"
    if format not in _MIME:
        return Credentials(True, problem=f"credentials in {format} are not read", library=library)
    try:
        listed = trust_list()
        settings = {**_SETTINGS, "trust": {"trust_anchors": listed.pem}} if listed.pem else _SETTINGS
        context = c2pa.Context(settings=c2pa.Settings.from_dict(settings))
        with c2pa.Reader(_MIME[format], io.BytesIO(data), context=context) as reader:
            store = json.loads(reader.json())
    except Exception as error:  # the library's own kinds of errors, and what broken boxes raise
        reason = _text(error)
        if "ManifestNotFound" in type(error).__name__ or "no JUMBF data" in reason:
            return Credentials(False, library=library)
        return Credentials(True, problem=f"the credentials cannot be read: {reason}", library=library)
    return _told(store, library, listed)


def _told(store: dict[str, Any], library: str, listed: TrustList) -> Credentials:
    manifest = (store.get("manifests") or {}).get(store.get("active_manifest")) or {}
    signature = manifest.get("signature_info") or {}
    every = _failures(store)
    failures = [status for status in every if status != UNTRUSTED]
    generator = (manifest.get("claim_generator_info") or [{}])[0]
    actions = []
    for assertion in (manifest.get("assertions") or [])[:_MOST]:
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in ((assertion.get("data") or {}).get("actions") or [])[:_MOST]:
                actions.append(_action(action))
    return Credentials(
        present=True,
        read=True,
        valid=not failures,
        problem=", ".join(failures[:5]),
        signer=_text(signature.get("issuer") or signature.get("common_name") or ""),
        generator=_text(generator.get("name") or manifest.get("claim_generator") or ""),
        title=_text(manifest.get("title") or ""),
        signed=_text(signature.get("time") or ""),
        actions=actions,
        ingredients=[_text(one.get("title") or "untitled") for one in (manifest.get("ingredients") or [])[:_MOST]],
        library=library,
        trusted=UNTRUSTED not in every if listed.pem else None,
        trust_list=listed.words,
    )


def _failures(store: dict[str, Any]) -> list[str]:
    """Codes of what does not validate, in whatever of the two places this version of the library tells it."""
    results = (store.get("validation_results") or {}).get("activeManifest") or {}
    entries = (results.get("failure") or []) + (store.get("validation_status") or [])
    return list(dict.fromkeys(_text(entry.get("code", "")) for entry in entries[:_MOST] if isinstance(entry, dict)))


def _action(action: dict[str, Any]) -> dict[str, str]:
    agent = action.get("softwareAgent")
    agent = agent.get("name") if isinstance(agent, dict) else agent
    source = str(action.get("digitalSourceType") or "").rstrip("/").rpartition("/")[2]
    told = {"action": action.get("action"), "program": agent, "source_type": source}
    return {key: _text(value) for key, value in told.items() if value}


def _text(value: Any) -> str:
    return printable(" ".join(str(value).split())[:_LONGEST])
