"""What a file is, by its first bytes and whatever its name says: an image that is read, one that is not, or neither."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Bytes at a file's beginning that tell every kind below.
HEAD = 512
#: What Pillow opens as TIFF or BigTIFF.
TIFF_HEADER = re.compile(rb"II(?:[*+]\0|\0[*])|MM(?:\0[*+]|[*]\0)")
#: A PNM: width and height follow, comments in between.
_PNM = rb"P[1-6fF](?:(?:\s|#[^\n\r]*[\n\r])+\d{1,10}){2}\s|P7\nWIDTH "
_ISO = re.compile(rb"....ftyp(....)", re.DOTALL)
_DEVELOP = "not a finished image; develop it to TIFF or JPEG first"


@dataclass(frozen=True)
class Kind:
    """Attributes: name: Pillow's name of a format, or what people call one. refusal: why it is not read, and what to
    do; empty where it is."""

    name: str
    refusal: str = ""


def _raw(name: str) -> Kind:
    return Kind(name, f"a camera's raw file ({name}), {_DEVELOP}")


def _other(name: str) -> Kind:
    return Kind(name, f"{name}, a format that is not read; save it as TIFF or PNG")


#: A raw file that is a TIFF.
RAW = _raw("DNG, NEF, ARW or alike")
#: How kinds begin; a pattern matches at the file's start. The first that fits counts.
_BEGINNINGS = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"\xff\xd8\xff", Kind("JPEG")),
        (rb"\x89PNG\r\n\x1a\n", Kind("PNG")),
        (rb"GIF8[79]a", Kind("GIF")),
        (rb"RIFF....WEBP", Kind("WEBP")),
        (rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n", Kind("JPEG2000")),
        # Behind "BM" the size of the second header: text may begin with these letters.
        (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", Kind("BMP")),
        (rb"II[*]\0.{4}CR", _raw("Canon CR2")),
        (rb"II[*]\0.{4}IIII|MM\0[*].{4}IIII", _raw("Phase One IIQ")),
        (TIFF_HEADER.pattern, Kind("TIFF")),
        (rb"IIU\0", _raw("Panasonic RW2")),
        (rb"II(?:RO|RS|RU)|MMOR", _raw("Olympus ORF")),
        (rb"FUJIFILMCCD-RAW", _raw("Fujifilm RAF")),
        (rb"....ftypcrx ", _raw("Canon CR3")),
        (rb"II\x1a\0\0\0HEAPCCDR", _raw("Canon CRW")),
        (rb"FOVb", _raw("Sigma X3F")),
        (rb"\0MRM", _raw("Minolta MRW")),
        (rb"8BPS\0[\1\2]", _other("Photoshop document")),
        (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", _other("JPEG XL")),
        (rb"II\xbc[\0\1]", _other("JPEG XR")),
        (rb"\x76\x2f\x31\x01", _other("OpenEXR")),
        (rb"#\?(?:RADIANCE|RGBE)", _other("Radiance HDR")),
        (rb"gimp xcf ", _other("GIMP's XCF")),
        (rb"DDS \x7c\0\0\0", _other("DDS")),
        (rb"AT&TFORM", _other("DjVu")),
        (rb"SIMPLE  =", _other("FITS")),
        (rb".{128}DICM", _other("DICOM")),
        (rb"\0\0\x01\0.\0...\0", _other("Windows icon")),
        (rb"icns", _other("macOS icon")),
        (rb"qoif", _other("QOI")),
        (rb"\x01\xda[\0\1][\1\2]\0[\1-\3]", _other("SGI")),
        (rb"\n[\0\2-\5]\x01[\1\2\4\x08]", _other("PCX")),
        (_PNM, Kind("PPM")),
    )
)  # fmt: skip
#: Brands of the two formats that share one container.
_BRANDS = {
    "AVIF": (b"avif", b"avis"),
    "HEIF": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"),
}


def kind_of(head: bytes) -> Kind | None:
    """Args: head: the first ``HEAD`` bytes, or all there are. Returns None for what is no image."""
    if (container := _ISO.match(head)) and container[1] != b"crx ":
        # An AVIF may name the container itself first: its other brands follow.
        brands = {
            head[position : position + 4]
            for position in range(8, min(len(head), int.from_bytes(head[:4], "big")) - 3, 4)
        }
        for name, format_brands in _BRANDS.items():
            if brands.intersection(format_brands):
                return Kind(name)
        return None
    return next((kind for begins, kind in _BEGINNINGS if begins.match(head)), None)
