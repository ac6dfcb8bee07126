"""Witness: where the image says it comes from: Content Credentials, the source type in XMP, names of generators.

Nothing is concluded from pixels, and nothing from the absence of all this.
"""

from __future__ import annotations

from dataclasses import asdict

from .credentials import Credentials, read_credentials
from .exhibit import Exhibit
from .file_metadata import read_metadata
from .finding import Level, Observation
from .generators import GENERATED, SOURCE_TYPES, named_generators, source_types
from .trust_list import trust_list

TITLE = "Provenance"
EXAMINED = "Content Credentials (C2PA), the source type in XMP, and names of image generators in the metadata"
LOOK_FOR = (
    "Who signed, what they say was done, and whether the signature still belongs to these bytes. Then ask whether "
    "that signer is known to you by another way."
)
IGNORE = (
    "That there are none: most images have no credentials, and every web site that saves an image again drops "
    "them. The name of a signer is no proof of who it was."
)
INNOCENT = (
    "a program that copied credentials or source type along when it saved another version",
    "a photo program that names its generative tool though it was used for a trifle",
)

#: Actions of C2PA that change what an image shows. "c2pa.edited" and alike may be a trifle, too.
_CHANGES = {"c2pa.edited", "c2pa.placed", "c2pa.drawing", "c2pa.removed", "c2pa.filtered", "c2pa.color_adjustments",
            "c2pa.cropped", "c2pa.edited.metadata", "c2pa.adjustedColor"}  # fmt: skip


def observe(exhibit: Exhibit) -> Observation:
    metadata = read_metadata(exhibit)
    credentials = read_credentials(exhibit.data, exhibit.format)
    types, named = source_types(metadata), named_generators(metadata)
    told = [_of_credentials(credentials)]
    for term in types:
        meaning = SOURCE_TYPES.get(term, f"of the source type {term}")
        level = Level.STRONG if term in GENERATED else Level.WEAK if "omposite" in term or "umanEdits" in term else None
        told.append((level or Level.NOTHING_FOUND, f"XMP says: {meaning}."))
    if named:
        told.append((Level.STRONG, f"The metadata names an image generator ({named[0]['where']})."))
    level = max((one for one, _ in told), key=lambda one: one.rank)
    facts = {
        "credentials": asdict(credentials),
        "trust_list": credentials.trust_list or trust_list().words,
        "network": "off",
        "source_types": types,
        "generators": named,
    }
    if level is Level.CANNOT_BE_JUDGED and len(told) > 1:
        level = Level.NOTHING_FOUND
    return Observation(level, " ".join(sentence for _, sentence in told), facts=facts)


def _trust(credentials: Credentials) -> str:
    if credentials.trusted is None:
        return "the signer is checked against no list"
    return f"the signer is {'' if credentials.trusted else 'not '}on the trust list {credentials.trust_list}"


def _of_credentials(credentials: Credentials) -> tuple[Level, str]:
    if not credentials.present:
        return Level.NOTHING_FOUND, "There are no Content Credentials, which is no sign of anything."
    if not credentials.read:
        return Level.CANNOT_BE_JUDGED, f"The file holds Content Credentials; {credentials.problem}."
    by = f"signed by {credentials.signer or 'somebody who is not named'}"
    if not credentials.valid:
        return Level.MODERATE, f"Content Credentials {by} do not validate: {credentials.problem}."
    said = f"Content Credentials {by} belong to these bytes; {_trust(credentials)} (read by {credentials.library})."
    if any(action.get("source_type") in GENERATED for action in credentials.actions):
        return Level.STRONG, f"{said} They say that a generative model made the image, or parts of it."
    changes = sorted({action["action"] for action in credentials.actions if action.get("action") in _CHANGES})
    if changes:
        return Level.WEAK, f"{said} They tell of changes: {', '.join(changes)}."
    return Level.NOTHING_FOUND, f"{said} They tell of no change."
