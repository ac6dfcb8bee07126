from __future__ import annotations

import pytest
from PIL.PngImagePlugin import PngInfo

from constrained_rcnn.evidence import Level, credentials, examine
from tests.helpers.credentials import chain, signed, signed_by
from tests.helpers.photo_files import as_jpeg, as_png, exif, photo, xmp

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def provenance(data: bytes):
    (found,) = examine(data, ["provenance"])
    return found


@pytest.fixture(scope="module")
def original() -> bytes:
    pytest.importorskip("c2pa")
    return signed(as_jpeg(photo()))


def test_absence_is_no_sign():
    found = provenance(as_jpeg(photo()))
    assert found.level is Level.NOTHING_FOUND and "no sign of anything" in found.sentence


def test_credentials_that_validate(original):
    found = provenance(original)
    assert found.level is Level.NOTHING_FOUND
    assert (
        "signed by test signer belong to these bytes" in found.sentence and "checked against no list" in found.sentence
    )
    told = found.facts["credentials"]
    assert told["valid"] and told["generator"] == "a test" and told["library"].startswith("c2pa-python")
    assert found.facts["network"] == "off"


def test_signer_on_the_users_trust_list(tmp_path, monkeypatch):
    pytest.importorskip("c2pa")
    ours, other = chain(), chain()
    data = signed_by(ours, as_jpeg(photo()))
    for signer, words in ((ours, "the signer is on the trust list own.pem, 1 certificates, SHA-256 "),
                          (other, "the signer is not on the trust list own.pem")):  # fmt: skip
        authority = signer[0].split(b"-----BEGIN CERTIFICATE-----")[-1]
        (tmp_path / "own.pem").write_bytes(b"-----BEGIN CERTIFICATE-----" + authority)
        monkeypatch.setenv("CONSTRAINED_RCNN_TRUST_LIST", str(tmp_path / "own.pem"))
        found = provenance(data)
        assert found.level is Level.NOTHING_FOUND and words in found.sentence
        assert found.facts["credentials"]["trusted"] is (signer is ours)
        assert found.facts["trust_list"].startswith("own.pem")


@pytest.mark.parametrize(
    ("content", "words"), [(None, "cannot be read"), (b"\xff", "cannot be read"), (b"x", "no cert")]
)
def test_trust_list_that_is_none_is_told(content, words, tmp_path, monkeypatch, original):
    if content is not None:
        (tmp_path / "own.pem").write_bytes(content)
    monkeypatch.setenv("CONSTRAINED_RCNN_TRUST_LIST", str(tmp_path / "own.pem"))
    found = provenance(original)
    assert words in found.facts["trust_list"] and found.facts["credentials"]["trusted"] is None
    assert "checked against no list" in found.sentence


def test_changed_bytes_do_not_validate_and_say_why(original):
    changed = bytearray(original)
    changed[-3000] ^= 1
    found = provenance(bytes(changed))
    assert found.level is Level.MODERATE
    assert "do not validate: assertion.dataHash.mismatch" in found.sentence


@pytest.mark.parametrize(
    ("options", "level", "said"),
    [
        ({"action": "c2pa.edited"}, Level.WEAK, "tell of changes: c2pa.edited"),
        ({"source_type": "trainedAlgorithmicMedia"}, Level.STRONG, "a generative model made the image"),
    ],
)
def test_what_credentials_say(options, level, said):
    pytest.importorskip("c2pa")
    found = provenance(signed(as_jpeg(photo()), **options))
    assert found.level is level and said in found.sentence


def test_broken_credentials_are_told_not_hidden(original):
    start = original.index(b"jumb")
    broken = original[: start + 40] + b"\0" * 300 + original[start + 340 :]
    found = provenance(broken)
    assert found.level is Level.CANNOT_BE_JUDGED and "cannot be read" in found.sentence


def test_without_the_library_their_presence_is_told(original, monkeypatch):
    monkeypatch.setattr(credentials, "c2pa", None)
    found = provenance(original)
    assert found.level is Level.CANNOT_BE_JUDGED
    assert "holds Content Credentials; c2pa-python is not installed" in found.sentence


@pytest.mark.parametrize(
    ("term", "level"),
    [
        ("trainedAlgorithmicMedia", Level.STRONG),
        ("compositeWithTrainedAlgorithmicMedia", Level.STRONG),
        ("compositeCapture", Level.WEAK),
        ("digitalCapture", Level.NOTHING_FOUND),
    ],
)
def test_source_type_in_xmp(term, level):
    body = f'<rdf:Description Iptc4xmpExt:DigitalSourceType="{SOURCE}{term}"/>'
    found = provenance(as_jpeg(photo(), xmp=xmp(body)))
    assert found.level is level and found.facts["source_types"] == [term]


def test_source_type_as_a_resource_in_a_png():
    body = (
        f'<rdf:Description><Iptc4xmpExt:DigitalSourceType rdf:resource="{SOURCE}algorithmicMedia"/></rdf:Description>'
    )
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp(body).decode())
    found = provenance(as_png(photo(), pnginfo=info))
    assert found.facts["source_types"] == ["algorithmicMedia"] and "made by an algorithm" in found.sentence


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("parameters", "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7"),
        ("prompt", '{"3": {"class_type": "KSampler"}}'),
        ("Software", "NovelAI"),
    ],
)
def test_generators_in_text_chunks(key, text):
    info = PngInfo()
    info.add_text(key, text)
    found = provenance(as_png(photo(), pnginfo=info))
    assert found.level is Level.STRONG and found.facts["generators"][0]["where"] == f"text {key}"


def test_generator_in_exif():
    assert provenance(as_jpeg(photo(), exif=exif(software="Midjourney v6"))).level is Level.STRONG


@pytest.mark.parametrize("text", ["a prompt answer", "parameters of the camera", "Imagen Fiesta"])
def test_plain_words_are_no_generators(text):
    info = PngInfo()
    info.add_text("prompt", text)
    info.add_text("parameters", text)
    assert provenance(as_png(photo(), pnginfo=info)).level is Level.NOTHING_FOUND
