"""Which files of a folder are images, and that nothing vanishes in silence."""

from __future__ import annotations

import io
import logging
import os
import socket
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from constrained_rcnn.images import folder_listing
from constrained_rcnn.images.folder_listing import hidden_line, list_folder, list_images, summary_lines
from constrained_rcnn.utils.errors import UserError


def content(kind="JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (9, 99, 199)).save(buffer, kind)
    return buffer.getvalue()


def fill(folder, names, data=b""):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def names(folder, paths) -> list[str]:
    return [Path(path).relative_to(folder).as_posix() for path in paths]


def test_content_decides_and_a_suffix_is_enough(tmp_path):
    fill(tmp_path, ["a.jfif", "b.jpe", "c.jpg_large", "d", "sub/e.bin", "sub/f.JPG?itok=1"], content())
    fill(tmp_path, ["g.xyz"], content("PNG"))
    fill(tmp_path, ["empty.JPG", "h.dng"])  # whoever reads them says what is wrong
    fill(tmp_path, ["psd"], b"8BPS\0\1" + bytes(30))
    fill(tmp_path, ["notes.txt", "sub/movie"], b"nothing of the kind")
    fill(tmp_path, ["nothing"])
    listing = list_folder(tmp_path)
    assert names(tmp_path, listing.images) == [
        "a.jfif", "b.jpe", "c.jpg_large", "d", "empty.JPG", "g.xyz", "h.dng", "psd", "sub/e.bin", "sub/f.JPG?itok=1",
    ]  # fmt: skip
    assert [(path.name, reason) for path, reason in listing.left_out] == [
        ("notes.txt", "not an image"), ("nothing", "an empty file"), ("movie", "not an image"),
    ]  # fmt: skip
    assert not listing.hidden and not listing.unreadable


def test_hidden_and_system_files_are_apart(tmp_path):
    fill(tmp_path, [".hidden.png", ".cache/d.png", "Thumbs.db", "sub/desktop.ini", "sub/.DS_Store", "__MACOSX/._a.png"])
    fill(tmp_path, ["a.png"], content("PNG"))
    listing = list_folder(tmp_path)
    assert names(tmp_path, listing.images) == ["a.png"] and not listing.left_out
    assert names(tmp_path, listing.hidden) == [
        ".cache", ".hidden.png", "Thumbs.db", "__MACOSX", "sub/.DS_Store", "sub/desktop.ini",
    ]  # fmt: skip
    assert hidden_line(listing.hidden) == ".cache, .hidden.png, Thumbs.db, __MACOSX, .DS_Store and others"
    assert names(tmp_path / ".cache", list_folder(tmp_path / ".cache").images) == ["d.png"]  # who names it means it


def test_links_count_as_files_and_lead_into_no_folder(tmp_path):
    fill(tmp_path, ["b.JPG", "a.png", "sub/c.tif", "masks/a.png"])
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "itself.png").symlink_to(tmp_path / "itself.png")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "outside").symlink_to("/", target_is_directory=True)
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    listing = list_folder(tmp_path, exclude=[tmp_path / "masks"])
    assert names(tmp_path, listing.images) == ["a.png", "b.JPG", "link.png", "sub/c.tif"]
    assert {path.name: reason for path, reason in listing.left_out} == {
        "dangling.png": "a link that leads nowhere", "itself.png": "a link that leads nowhere",
        "loop": "a link to a folder", "outside": "a link to a folder",
    }  # fmt: skip
    assert list_images(tmp_path / "sub" / "loop", exclude=[tmp_path / "masks"])[0].name == "a.png"  # a link, but named
    assert list_images(tmp_path / "nowhere") == []


def test_pipes_and_sockets_are_left_out_without_waiting(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
    (tmp_path / "zero").symlink_to("/dev/zero")
    listing = list_folder(tmp_path)
    assert [reason for _, reason in listing.left_out] == ["not a regular file"] * 3


def test_folders_of_any_depth(tmp_path):
    directory, folders = os.open(tmp_path, os.O_RDONLY), 0
    try:
        for _ in range(1100):  # more than Python's stack
            os.mkdir("d", dir_fd=directory)
            below = os.open("d", os.O_RDONLY, dir_fd=directory)
            os.close(directory)
            directory, folders = below, folders + 1
        os.close(os.open("deep.png", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
        (image,) = list_images(tmp_path)
        assert len(image.parts) - len(tmp_path.parts) == folders + 1
    finally:
        os.close(directory)
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)  # Python's own ways are recursive


def test_a_folder_or_file_that_cannot_be_read_is_an_item(tmp_path, monkeypatch):
    fill(tmp_path, ["closed/b.png", "a.png", "locked"])
    real_scandir, plain = os.scandir, open

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real_scandir(path)

    def opened(path, *args, **options):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return plain(path, *args, **options)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(folder_listing, "open", opened, raising=False)
    listing = list_folder(tmp_path)
    assert names(tmp_path, listing.images) == ["a.png"]
    assert [(path.name, reason) for path, reason in listing.unreadable] == [
        ("closed", "the folder cannot be listed: permission denied"), ("locked", "cannot be opened: permission denied"),
    ]  # fmt: skip
    with pytest.raises(UserError, match="closed: the folder cannot be listed.*make it readable"):
        list_images(tmp_path)  # a set without its images would be another set


def test_what_a_set_leaves_out_is_logged_once(tmp_path, caplog):
    fill(tmp_path, ["a.png", *(f"{number}.txt" for number in range(7))], b"text")
    with caplog.at_level(logging.WARNING):
        assert len(list_images(tmp_path)) == len(list_images(tmp_path)) == 1
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.endswith("left out: 7 files, not an image: 0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 2 more")
    caplog.clear()
    assert list_images(tmp_path, known=[tmp_path / "0.txt"])  # the caller reads it
    assert "left out: 6 files, not an image: 1.txt" in caplog.text
    assert summary_lines([("a", "x"), ("b", "y"), ("c", "x")]) == ["2 files, x: a, c", "1 file, y: b"]
