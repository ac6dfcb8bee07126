import hashlib
import struct
import sys

import numpy as np
import pytest

from constrained_rcnn.released import checkpoint_reader
from constrained_rcnn.released.checkpoint_reader import open_checkpoint
from constrained_rcnn.utils.errors import UserError
from tests.helpers import v2_writer
from tests.helpers.v2_writer import entry, message, number

ARRAYS = {
    "net/conv1/weights": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "net/conv1/weights/Momentum": np.zeros((2, 3, 2, 2), np.float32),
    "net/conv2/biases": np.array([0.5, -1e-30, np.float32(3e38)], np.float32),
    "net/scalar": np.float32(7),
    "net/empty": np.zeros((0, 4), np.float32),
}
HEADER = (b"", number(1, 1) + message(3, number(1, 1)))


@pytest.fixture
def prefix(tmp_path):
    path = tmp_path / "model.ckpt"
    v2_writer.write(path, ARRAYS)
    return path


def refuse(action, *words):
    """The action ends with one line that has all the words."""
    with pytest.raises(UserError) as error:
        action()
    assert "\n" not in str(error.value)
    for word in words:
        assert str(word) in str(error.value)


def index_of(tmp_path, *items, **kwargs):
    """A checkpoint with these (name, entry) pairs and no data file."""
    (tmp_path / "model.ckpt.index").write_bytes(v2_writer.table([HEADER, *items], **kwargs))
    return tmp_path / "model.ckpt"


@pytest.mark.parametrize("block_bytes", [1, 60, 262144], ids=["a block per entry", "small blocks", "one block"])
@pytest.mark.parametrize("suffix", ["", ".index"])
def test_reads_what_was_written(tmp_path, block_bytes, suffix):
    v2_writer.write(tmp_path / "model.ckpt", ARRAYS, block_bytes)
    checkpoint = open_checkpoint(f"{tmp_path}/model.ckpt{suffix}")
    assert set(checkpoint.entries) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert checkpoint.entries[name].shape == array.shape
        values = checkpoint.read(name)
        assert values.dtype == np.float32 and np.array_equal(values, array)


def test_the_writer_writes_what_tensorflow_writes(prefix_50):
    """Digests of the files that SaveV2 of TensorFlow 2.21 wrote for the same arrays."""
    digests = {
        "index": "33f7c2741e62e7590adaaeb781f1959192c20d9406a0503a6e6c3c423bdf3e3a",
        "data-00000-of-00001": "4e374b3192e401ac22c31cb934442d3f3b41a17d583077ed936001db0f001e36",
    }
    for suffix, digest in digests.items():
        with open(f"{prefix_50}.{suffix}", "rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == digest, suffix


def test_no_byte_of_the_index_can_change_unnoticed(tmp_path, prefix):
    """Changes pass only in what nothing reads: the footer's padding (at most 40 bytes), the empty filter block (13)."""
    index = tmp_path / "model.ckpt.index"
    original, entries = index.read_bytes(), open_checkpoint(prefix).entries
    passed = 0
    for position in range(len(original)):
        damaged = bytearray(original)
        damaged[position] ^= 0x41
        index.write_bytes(damaged)
        try:
            assert open_checkpoint(prefix).entries == entries
            passed += 1
        except UserError as error:
            assert "\n" not in str(error) and str(index) in str(error)
    assert passed <= 40 + 13


def test_no_length_of_the_index_passes_but_the_whole(tmp_path, prefix):
    index = tmp_path / "model.ckpt.index"
    original = index.read_bytes()
    for length in range(len(original)):
        index.write_bytes(original[:length])
        refuse(lambda: open_checkpoint(prefix), index)


def test_damaged_data_is_noticed_by_its_checksum(tmp_path, prefix):
    data = tmp_path / "model.ckpt.data-00000-of-00001"
    damaged = bytearray(data.read_bytes())
    damaged[10] ^= 1
    data.write_bytes(damaged)
    checkpoint = open_checkpoint(prefix)
    refuse(lambda: checkpoint.read("net/conv1/weights"), data, "net/conv1/weights", "checksum")
    assert np.array_equal(checkpoint.read("net/conv2/biases"), ARRAYS["net/conv2/biases"])


def test_truncated_and_missing_data(tmp_path, prefix):
    data = tmp_path / "model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-3])
    checkpoint = open_checkpoint(prefix)
    refuse(lambda: checkpoint.read("net/scalar"), data, "truncated")
    data.unlink()
    refuse(lambda: checkpoint.read("net/scalar"), data, "no such file")


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\x80\x04K\x01." * 20, b"PK\x03\x04" + bytes(100), struct.pack("<Q", v2_writer.MAGIC) * 20]
)
def test_other_files(tmp_path, content):
    (tmp_path / "model.ckpt.index").write_bytes(content)
    refuse(lambda: open_checkpoint(tmp_path / "model.ckpt"), "model.ckpt.index", "V2 checkpoint")


def test_no_file_and_a_folder(tmp_path):
    (tmp_path / "old.ckpt").write_bytes(b"a V1 checkpoint is one file")
    refuse(lambda: open_checkpoint(tmp_path / "old.ckpt"), "old.ckpt.index", "no such file", "V2")
    (tmp_path / "folder.index").mkdir()
    refuse(lambda: open_checkpoint(tmp_path / "folder"), "folder.index")


def test_a_table_that_is_no_checkpoint(tmp_path):
    (tmp_path / "model.ckpt.index").write_bytes(v2_writer.table([(b"key", b"value")]))
    refuse(lambda: open_checkpoint(tmp_path / "model.ckpt"), "header")


def test_compressed_and_big_endian_tables(tmp_path):
    refuse(lambda: open_checkpoint(index_of(tmp_path, compression=1)), "compressed")
    table = v2_writer.table([(b"", number(1, 1) + number(2, 1))])
    (tmp_path / "model.ckpt.index").write_bytes(table)
    refuse(lambda: open_checkpoint(tmp_path / "model.ckpt"), "big-endian")


def test_an_index_too_large_is_not_read(tmp_path, monkeypatch, prefix):
    monkeypatch.setattr(checkpoint_reader, "MAX_INDEX_BYTES", 100)
    refuse(lambda: open_checkpoint(prefix), "larger than 100 bytes")


HUGE = 2**62


@pytest.mark.parametrize(
    "content",
    [
        number(1, 1) + message(2, message(2, number(1, HUGE))) + number(5, 4 * HUGE),
        number(1, 1) + message(2, message(2, number(1, HUGE))) + number(5, 8),
        number(1, 1) + message(2, b"") + number(4, HUGE) + number(5, 4),
        number(1, 1) + message(2, message(2, number(1, 2**63)) * 2) + number(5, 4),
        number(1, 1) + message(2, message(2, number(1, 2))) + number(3, 77) + number(5, 8),
        number(1, 1) + number(2, 5),
        number(1, 1) + message(2, b"\x12\x7f"),
        message(1, b"abc"),
        b"\xff" * 30,
        b"\x0b",
        number(9, 1) + b"\x35\x01",
    ],
)  # fmt: skip
def test_hostile_entries_cost_nothing(tmp_path, content):
    """Sizes are compared with the shape and the file before a byte is allocated."""
    prefix = index_of(tmp_path, (b"net/x", content))
    (tmp_path / "model.ckpt.data-00000-of-00001").write_bytes(bytes(64))
    refuse(lambda: open_checkpoint(prefix).read("net/x"), "model.ckpt")


def test_other_types_and_slices_are_listed_but_not_read(tmp_path):
    integer = entry(np.array(3, dtype="<i8"), 0, dtype=9)
    slices = entry(np.zeros(2, "<f4"), 0) + message(7, b"")
    checkpoint = open_checkpoint(index_of(tmp_path, (b"global_step", integer), (b"sliced", slices)))
    assert checkpoint.entries["global_step"].shape == ()
    for name in ("global_step", "sliced"):
        refuse(lambda name=name: checkpoint.read(name), name, "float32")


def test_names_that_are_no_text_or_far_too_long(tmp_path):
    refuse(lambda: open_checkpoint(index_of(tmp_path, (b"\xff\xfe", b""))), "name")
    refuse(lambda: open_checkpoint(index_of(tmp_path, (b"n" * 2000, b""))), "damaged")


def test_without_the_checksum_package(prefix, monkeypatch):
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    refuse(lambda: open_checkpoint(prefix), "google-crc32c", "constrained_rcnn[tensorflow]")
