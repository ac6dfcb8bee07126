"""Names that generators of images write into metadata, and what XMP and IPTC call the source of an image."""

from __future__ import annotations

import re

from .file_metadata import FileMetadata

#: Programs and services that make whole images from words. Names that are also plain words are looked for whole.
_GENERATORS = re.compile(
    r"stable[ -]?diffusion|\bsdxl\b|midjourney|dall[·.-]?e\b|comfyui|automatic1111|invoke ?ai|novelai|adobe firefly|"
    r"\bfirefly (?:image|\d)|\bimagen\b|google ai|gpt-?(?:4o|image)|\bchatgpt\b|leonardo\.ai|ideogram|"
    r"black forest labs|flux\.?1|dreamstudio|craiyon|bing image creator|microsoft designer|nightcafe|draw ?things|"
    r"fooocus|playground ai",
    re.IGNORECASE,
)
#: Text chunks of a PNG by which generators keep their settings, and what their content then holds.
_CHUNKS = {
    "parameters": re.compile(r"\bsteps: ?\d+.*\bsampler: ", re.IGNORECASE | re.DOTALL),
    "prompt": re.compile(r'"class_type"'),
    "workflow": re.compile(r'"nodes"'),
    "sd-metadata": re.compile(r"model", re.IGNORECASE),
    "dream": re.compile(r"\S"),
    "invokeai_metadata": re.compile(r"\S"),
}
#: Ends of IPTC's terms for the source of an image (newscodes, digitalsourcetype) -> what they mean.
SOURCE_TYPES = {
    "trainedAlgorithmicMedia": "made by a generative model",
    "compositeWithTrainedAlgorithmicMedia": "a composite with parts made by a generative model",
    "algorithmicMedia": "made by an algorithm without training data",
    "compositeSynthetic": "a composite with synthetic parts",
    "composite": "a composite",
    "compositeCapture": "a composite of captured elements",
    "algorithmicallyEnhanced": "enhanced by an algorithm",
    "humanEdits": "edited by a person",
    "minorHumanEdits": "with small edits by a person",
    "dataDrivenMedia": "drawn from data",
    "digitalArt": "digital art",
    "digitalCreation": "made digitally by a person",
    "virtualRecording": "recorded in a virtual scene",
    "screenCapture": "a screenshot",
    "digitalCapture": "captured by a digital camera",
    "computationalCapture": "captured by a camera that computes from several exposures",
    "negativeFilm": "scanned from negative film",
    "positiveFilm": "scanned from positive film",
    "print": "scanned from a print",
}
#: Those that say that a model made the image or parts of it.
GENERATED = {"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"}


def named_generators(metadata: FileMetadata) -> list[dict[str, str]]:
    """``{"where", "text"}`` of what names a generator."""
    places = metadata.software()
    places |= {f"EXIF {key}": str(metadata.exif.values.get(key, "")) for key in ("make", "artist", "description")}
    places |= {f"XMP {key}": text for key in ("Credit", "creator") if (text := metadata.xmp.first(key))}
    found = [{"where": where, "text": text[:200]} for where, text in places.items() if _GENERATORS.search(text)]
    for key, text in metadata.texts.items():
        pattern = _CHUNKS.get(key.lower())
        if pattern and pattern.search(text[:20_000]) or key.lower() in ("comment", "source", "title") and (
            _GENERATORS.search(text[:2_000])
        ):  # fmt: skip
            found.append({"where": f"text {key}", "text": text[:200]})
    return found


def source_types(metadata: FileMetadata) -> list[str]:
    """Terms of ``DigitalSourceType`` in XMP, for instance ``trainedAlgorithmicMedia``."""
    texts = metadata.xmp.values.get("DigitalSourceType", []) + metadata.xmp.values.get("resource", [])
    terms = [text.rstrip("/").rpartition("/")[2] for text in texts if "digitalsourcetype" in text.lower()]
    terms += [text for text in metadata.xmp.values.get("DigitalSourceType", []) if text in SOURCE_TYPES]
    return list(dict.fromkeys(terms))
