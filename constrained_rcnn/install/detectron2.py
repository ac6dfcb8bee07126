"""Installs Detectron2 0.6 from PyPI's source archive into the environment that runs this.

Detectron2 is not on PyPI under its own name, and its plain installation needs a compiler and GitHub. The
archive named here holds the Python tree of its tag v0.6, without the sources of the compiled extension. It is
downloaded by pip (so that the user's indexes, proxies and caches count), checked, patched
(``detectron2_patches``), packed as a wheel named ``detectron2`` and installed by pip. A Detectron2 that imports
already is left alone. Nothing but the standard library is needed here.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from constrained_rcnn.install.detectron2_patches import apply_patches
from constrained_rcnn.install.wheel import (
    ARCHIVE_PROJECT,
    ARCHIVE_SHA256,
    ARCHIVE_VERSION,
    INSTALLED_VERSION,
    OWN_LABEL,
    build_wheel,
)
from constrained_rcnn.utils.errors import UserError, command_line

MAX_UNPACKED_BYTES = 64 * 2**20  # the archive unpacks to under 3 MiB


# What breaks first: `detectron2.layers` needs torchvision and `_C`, `data.transforms` needs Pillow. They
# take as long again as Torch, so what was checked when it was installed is spared them.
_PROBE = """
import importlib.metadata, importlib.util, json, os, sys
answer = {"state": "missing", "distribution": ""}
try:
    found = importlib.util.find_spec("detectron2")
    if found is not None and found.origin is not None:
        answer.update(state="broken", path=found.origin)
        for installed in importlib.metadata.distributions(name="detectron2"):
            own_file = installed.locate_file("detectron2/__init__.py")
            if os.path.realpath(own_file) == os.path.realpath(found.origin):
                answer["distribution"] = installed.version
        import detectron2
        if answer["distribution"] != sys.argv[1]:
            import detectron2.layers, detectron2.data.transforms
        answer.update(state="works", version=detectron2.__version__)
except BaseException as error:
    answer["error"] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(answer))
"""


def probe_detectron2(checked: str = INSTALLED_VERSION) -> dict[str, str]:
    """Tells whether Detectron2 can be imported, in a process of its own (an import that fails leaves traces).

    Args:
        checked: version of the distribution that is known to work if its top module can be imported.

    Returns:
        ``state``: "works" (then ``version``, ``path``), "missing", or "broken" (then ``path``, ``error``);
        ``distribution``: version of the distribution it was installed from, "" for a checkout.
    """
    with tempfile.TemporaryDirectory() as nowhere:  # a `detectron2` folder where the user stands does not count
        command = [sys.executable, "-c", _PROBE, checked]
        ran = subprocess.run(command, cwd=nowhere, capture_output=True, text=True)
    try:
        return json.loads(ran.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):  # killed, or crashed in a library
        error = _last_line(ran.stderr) or f"exit status {ran.returncode}"
        return {"state": "broken", "path": sys.executable, "error": error, "distribution": ""}


def check_archive(path: Path) -> None:
    """Compares a file's SHA-256 with ``ARCHIVE_SHA256``.

    Raises:
        UserError: it cannot be read or is another file.
    """
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; check the path") from error
    if found != ARCHIVE_SHA256:
        raise UserError(
            f"{path}: its SHA-256 is {found}, not {ARCHIVE_SHA256}; download {ARCHIVE_PROJECT}=={ARCHIVE_VERSION} again"
        )


def download_archive(folder: Path) -> Path:
    """Lets pip download the archive into a folder; pip checks its hash before it runs the archive's set-up.

    Returns:
        The path of the archive.

    Raises:
        UserError: pip failed.
    """
    wanted = folder / "requirement.txt"
    line = f"{ARCHIVE_PROJECT}=={ARCHIVE_VERSION} --hash=sha256:{ARCHIVE_SHA256}\n"
    wanted.write_text(line, encoding="utf-8")
    # The archive's set-up imports Torch to name its version, hence no isolated build environment.
    options = ["--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--require-hashes"]
    _pip("download", *options, "--requirement", str(wanted), "--dest", str(folder))
    archives = list(folder.glob("*.tar.gz"))
    if len(archives) != 1:
        raise UserError(f"pip left {len(archives)} archives, not one; use --archive FILE")
    return archives[0]


def unpack(archive: Path, folder: Path) -> Path:
    """Unpacks plain files and folders, all of which have to lie under one top folder.

    Args:
        archive: ``.tar.gz`` file.
        folder: existing, empty folder.

    Returns:
        The top folder.

    Raises:
        UserError: unreadable; a link or device; a path that leaves the top folder; too large.
    """
    tops, size = set(), 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                unsafe = name.is_absolute() or ".." in name.parts or "\\" in member.name or ":" in member.name
                if unsafe or not name.parts or not (member.isfile() or member.isdir()):
                    raise UserError(f"{archive}: refused, {member.name!r} is no plain file inside its folder")
                size += member.size
                if size > MAX_UNPACKED_BYTES:
                    raise UserError(f"{archive}: refused, it unpacks to more than {MAX_UNPACKED_BYTES} bytes")
                tops.add(name.parts[0])
                target = folder.joinpath(*name.parts)
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(tar.extractfile(member).read())
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{archive}: cannot be unpacked ({error}); download it again") from error
    if len(tops) != 1:
        raise UserError(f"{archive}: refused, {len(tops)} top folders instead of one")
    return folder / tops.pop()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The installer's options."""
    archive = f"{ARCHIVE_PROJECT}-{ARCHIVE_VERSION}.tar.gz"
    parser.add_argument(
        "--archive", type=Path, metavar="FILE", help=f"local copy of {archive}; default: pip downloads it"
    )


@command_line
def main(argv: list[str] | None = None) -> int:
    """``python -m constrained_rcnn.install.detectron2``, the same as ``constrained-rcnn install-detectron2``."""
    parser = argparse.ArgumentParser(
        prog="install_detectron2",
        description="Installs Detectron2 0.6 for the interpreter that runs this; leaves a working one alone.",
    )
    add_arguments(parser)
    return install(parser.parse_args(argv).archive)


def install(local_archive: Path | None = None) -> int:
    """Installs Detectron2, unless a working one is there.

    Args:
        local_archive: None: pip downloads it.

    Returns:
        0, the exit status.

    Raises:
        UserError: a broken one of somebody else's is there, Torch is not, or pip fails.
    """
    found = probe_detectron2()
    ours = found["distribution"].startswith(OWN_LABEL)
    if found["state"] == "works" and (not ours or found["distribution"] == INSTALLED_VERSION):
        print(f"Detectron2 {found['version']} works already, left alone: {os.path.dirname(found['path'])}")
        return 0
    if found["state"] == "broken" and not ours:
        raise UserError(
            f"Detectron2 at {found['path']} cannot be imported ({found['error']}); repair it, or remove it "
            f"with `{sys.executable} -m pip uninstall detectron2 {ARCHIVE_PROJECT}` and run this again"
        )
    for module in ("torch", "torchvision"):
        if importlib.util.find_spec(module) is None:
            raise UserError(
                f"{module} is not installed for {sys.executable}; install the pinned requirements (or torch "
                "and torchvision as a pair) first, then run this again"
            )
    with tempfile.TemporaryDirectory(prefix="detectron2-") as name:
        folder = Path(name)
        if local_archive is None:
            print(f"Downloading {ARCHIVE_PROJECT} {ARCHIVE_VERSION} ...", flush=True)
        archive = download_archive(folder) if local_archive is None else local_archive
        check_archive(archive)
        tree = unpack(archive, folder)
        changes = apply_patches(tree)
        wheel = build_wheel(tree, folder, changes)
        _pip("install", "--no-deps", "--no-index", "--force-reinstall", str(wheel))
    found = probe_detectron2(checked="")
    if found["state"] != "works":
        raise UserError(
            f"Detectron2 was installed but cannot be imported: {found.get('error', 'not found')}; "
            "are the pinned requirements installed?"
        )
    print("Patched:", *changes, sep="\n  ")
    where = os.path.dirname(found["path"])
    print(f"Installed Detectron2 {found['version']} without its compiled extension: {where}")
    return 0


def _pip(*arguments: str) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", *options, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONUTF8": "1"})
    if ran.returncode:
        errors = [line for line in ran.stderr.splitlines() if line.lower().startswith("error")]
        reason = errors[-1].partition(":")[2].strip() if errors else _last_line(ran.stderr)
        raise UserError(
            f"pip {arguments[0]} failed: {reason}; it needs setuptools and an index that has "
            f"{ARCHIVE_PROJECT} {ARCHIVE_VERSION} (or a local copy: --archive FILE)"
        )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


if __name__ == "__main__":
    sys.exit(main())
