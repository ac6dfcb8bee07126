from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from constrained_rcnn.install import detectron2
from constrained_rcnn.install.detectron2 import INSTALLED_VERSION, build_wheel, main, probe_detectron2, unpack
from constrained_rcnn.install.detectron2_patches import EXTENSION_PATH, PATCHES, apply_patches
from constrained_rcnn.utils.errors import UserError

TOOL = Path(__file__).resolve().parents[2] / "tools" / "install_detectron2.py"

# A stand-in for the text that each patch of a file looks for.
SAMPLES = {
    r"\bImage\.LINEAR\b": "interp = Image.LINEAR\n",
    r"\bnp\.(bool|int|float|str)\b": "a = np.zeros(3, dtype=np.int); b = np.int64(1)\n",
    r"^import pkg_resources\n": "import os\nimport pkg_resources\n",
    r'\bpkg_resources\.resource_filename\(\s*"detectron2\.model_zoo",': (
        'def get(name):\n    return pkg_resources.resource_filename(\n        "detectron2.model_zoo", name\n    )\n'
    ),
    r"^from \.api import \*$": "from .api import *\nREST = 1\n",
    r"\buse_fast_impl=True,": "dict(use_fast_impl=True,)\n",
    r"\btorch\.meshgrid\(shifts_y, shifts_x\)": "y, x = torch.meshgrid(shifts_y, shifts_x)\n",
}


@pytest.fixture
def tree(tmp_path):
    """A miniature of the unpacked archive: every text that is patched, the projects, a `tools` package."""
    root = tmp_path / "tree"
    texts = {"detectron2/__init__.py": '__version__ = "0.6"\n', "tools/__init__.py": "", "LICENSE": "terms\n"}
    texts["detectron2/model_zoo/configs/Base.yaml"] = "VERSION: 2\n"
    texts["projects/PointRend/point_rend/__init__.py"] = "POINTS = 1\n"
    for patch in PATCHES:
        texts[patch.path] = texts.get(patch.path, "") + SAMPLES[patch.pattern] * patch.count
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def _snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _load(path: Path, name: str):
    folders = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folders)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        for loaded in [key for key in sys.modules if key.split(".")[0] == name]:
            del sys.modules[loaded]
    return module


# ---- patches


def test_mends_replace_every_dropped_name(tree):
    done = apply_patches(tree)
    assert len(done) == len(PATCHES) + 1
    after = {name: data.decode() for name, data in _snapshot(tree).items()}
    for dropped in ("Image.LINEAR", "np.int)", "np.int;", "pkg_resources", "use_fast_impl=True"):
        assert not [name for name, text in after.items() if dropped in text]
    assert "np.int64(1)" in after["detectron2/data/build.py"]  # a name that only begins like one of them
    assert 'indexing="ij"' in after["detectron2/modeling/anchor_generator.py"]
    for patch in PATCHES:
        compile(after[patch.path], patch.path, "exec")


def test_patched_model_zoo_finds_its_configs(tree):
    apply_patches(tree)
    zoo = _load(tree / "detectron2/model_zoo/model_zoo.py", "mended_zoo")
    assert Path(zoo.get("configs/Base.yaml")).read_text() == "VERSION: 2\n"


@pytest.mark.parametrize("path", sorted({patch.path for patch in PATCHES}))
def test_a_text_that_is_not_there_is_refused_before_anything_is_written(tree, path):
    (tree / path).write_text("# another version\n")
    before = _snapshot(tree)
    with pytest.raises(UserError, match=path):
        apply_patches(tree)
    assert _snapshot(tree) == before


def test_a_missing_file_and_a_patched_tree_are_refused(tree):
    apply_patches(tree)
    with pytest.raises(UserError, match="not the source of Detectron2 0.6"):
        apply_patches(tree)
    (tree / PATCHES[0].path).unlink()
    with pytest.raises(UserError, match="not the source of Detectron2 0.6"):
        apply_patches(tree)


def test_export_forgives_a_missing_caffe2_only(tree):
    apply_patches(tree)
    export = tree / "detectron2/export"
    (export / "api.py").write_text("import caffe2.proto\n")
    assert _load(export / "__init__.py", "export_without_caffe2").REST == 1
    (export / "api.py").write_text("import a_package_that_nobody_has\n")
    with pytest.raises(ModuleNotFoundError, match="a_package_that_nobody_has"):
        _load(export / "__init__.py", "export_broken_otherwise")


def test_stub_of_the_extension_says_what_is_missing(tree):
    apply_patches(tree)
    stub = _load(tree / EXTENSION_PATH, "extension_stub")
    with pytest.raises(ImportError, match="deform_conv_forward.*without its compiled extension"):
        stub.deform_conv_forward  # noqa: B018
    assert not hasattr(stub, "__path__")
    assert stub.has_cuda() is False  # Detectron2 logs these three whenever a training starts
    assert "none" in stub.get_compiler_version() and "none" in stub.get_cuda_version()


# ---- wheel


def test_wheel_holds_the_packages_without_tools_and_installs(tree, tmp_path):
    wheel = build_wheel(tree, tmp_path, apply_patches(tree))
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        info = f"detectron2-{INSTALLED_VERSION}.dist-info"
        record = packed.read(f"{info}/RECORD").decode().splitlines()
        for line in record[:-1]:
            name, digest, size = line.rsplit(",", 2)
            data = packed.read(name)
            assert len(data) == int(size)
            expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            assert digest == f"sha256={expected}"
        assert "Image.LINEAR" in packed.read(f"{info}/METADATA").decode()
    assert [line.rsplit(",", 2)[0] for line in record] == names
    assert {name.split("/")[0] for name in names} == {"detectron2", info}
    assert "detectron2/projects/point_rend/__init__.py" in names

    target = tmp_path / "site"
    options = ["--no-deps", "--no-index", "--quiet", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    code = "import detectron2, importlib.metadata as m; print(detectron2.__file__, m.version('detectron2'))"
    ran = _python("-c", code, path=target)
    assert ran.stdout.split() == [str(target / "detectron2/__init__.py"), INSTALLED_VERSION]


# ---- archive


def _archive(path: Path, *members: tuple[str, bytes, str]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, link in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            data = b"" if kind != tarfile.REGTYPE else b"text"
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def test_unpack_gives_the_top_folder(tmp_path):
    archive = _archive(tmp_path / "a.tar.gz", ("top", tarfile.DIRTYPE, ""), ("top/a/b.py", tarfile.REGTYPE, ""))
    (tmp_path / "out").mkdir()
    assert (unpack(archive, tmp_path / "out") / "a/b.py").read_text() == "text"


@pytest.mark.parametrize(
    "member",
    [
        ("../evil.py", tarfile.REGTYPE, ""),
        ("top/../../evil.py", tarfile.REGTYPE, ""),
        ("/evil.py", tarfile.REGTYPE, ""),
        ("top\\..\\..\\evil.py", tarfile.REGTYPE, ""),
        ("top/link", tarfile.SYMTYPE, "/"),
        ("top/link", tarfile.LNKTYPE, "../../evil.py"),
        ("top/pipe", tarfile.FIFOTYPE, ""),
        ("second/evil.py", tarfile.REGTYPE, ""),
    ],
    ids=lambda member: f"{member[0]}-{member[1].decode()}",
)
def test_unsafe_members_are_refused(tmp_path, member):
    archive = _archive(tmp_path / "a.tar.gz", ("top/fine.py", tarfile.REGTYPE, ""), member)
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    with pytest.raises(UserError, match="refused"):
        unpack(archive, out)
    assert {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*.py")} == {("deep", "out")}


def test_truncated_and_oversized_archives_are_refused(tmp_path, monkeypatch):
    archive = _archive(tmp_path / "a.tar.gz", *((f"top/{i}.py", tarfile.REGTYPE, "") for i in range(200)))
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(cut, tmp_path / "out")
    monkeypatch.setattr(detectron2, "MAX_UNPACKED_BYTES", 100)
    with pytest.raises(UserError, match="more than 100 bytes"):
        unpack(archive, tmp_path / "out")


def _never(*_args, **_keywords):
    raise AssertionError("must not be reached")


@pytest.mark.parametrize("there", [True, False])
def test_a_wrong_archive_is_one_line_and_nothing_is_installed(tmp_path, monkeypatch, capsys, there):
    archive = tmp_path / "pb1-detectron2-0.6.tar.gz"
    if there:
        _archive(archive, ("top/setup.py", tarfile.REGTYPE, ""))
    missing = {"state": "missing", "distribution": ""}
    monkeypatch.setattr(detectron2, "probe_detectron2", lambda **_: missing)
    for step in ("_pip", "unpack"):
        monkeypatch.setattr(detectron2, step, _never)
    assert main(["--archive", str(archive)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and str(archive) in error
    assert ("SHA-256" in error) is there


def test_torch_is_asked_for_before_anything_is_downloaded(monkeypatch, capsys):
    missing = {"state": "missing", "distribution": ""}
    monkeypatch.setattr(detectron2, "probe_detectron2", lambda **_: missing)
    monkeypatch.setattr(detectron2, "_pip", _never)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("error: torch is not installed")


# ---- what is there already


def _python(*arguments: str, path: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    environ = {**os.environ, "PIP_NO_INDEX": "1", **environment}
    if path is not None:
        environ["PYTHONPATH"] = str(path)
    return subprocess.run([sys.executable, *arguments], env=environ, capture_output=True, text=True)


def _fake_detectron2(folder: Path, layers: str = "") -> Path:
    texts = {"": '__version__ = "0.7"\n', "layers": layers, "data": "", "data/transforms": ""}
    for name, text in texts.items():
        (folder / "detectron2" / name).mkdir(parents=True)
        (folder / "detectron2" / name / "__init__.py").write_text(text)
    return folder


def test_a_working_detectron2_is_left_alone():
    ran = _python(str(TOOL))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("\n") == 1 and "left alone" in ran.stdout


def test_another_version_is_left_alone(tmp_path):
    ran = _python(str(TOOL), path=_fake_detectron2(tmp_path))
    assert ran.returncode == 0 and "Detectron2 0.7 works already, left alone" in ran.stdout


@pytest.mark.parametrize("layers", ['raise ImportError("undefined symbol")\n', "import os\nos._exit(3)\n"])
def test_a_broken_detectron2_of_others_is_not_overwritten(tmp_path, monkeypatch, capsys, layers):
    monkeypatch.setenv("PYTHONPATH", str(_fake_detectron2(tmp_path, layers)))
    found = probe_detectron2()
    # The environment may hold one of ours behind the fake: that one does not count.
    assert (found["state"], found["distribution"]) == ("broken", "")
    monkeypatch.setattr(detectron2, "probe_detectron2", lambda: found)
    monkeypatch.setattr(detectron2, "_pip", _never)
    assert main([]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "pip uninstall" in error


def test_our_older_one_is_replaced(tmp_path, monkeypatch, capsys, tree):
    states = [
        {"state": "works", "version": "0.6", "path": "somewhere/x.py", "distribution": "0.6+mended.0"},
        {"state": "works", "version": "0.6", "path": "somewhere/x.py", "distribution": INSTALLED_VERSION},
    ]
    installed = []
    monkeypatch.setattr(detectron2, "probe_detectron2", lambda **_: states[min(len(installed), 1)])
    monkeypatch.setattr(detectron2, "_pip", lambda *arguments: installed.append(arguments))
    monkeypatch.setattr(detectron2, "check_archive", lambda path: None)
    monkeypatch.setattr(detectron2, "unpack", lambda archive, folder: tree)
    assert main(["--archive", str(tmp_path)]) == 0
    assert len(installed) == 1 and installed[0][-1].endswith(".whl")
    assert main([]) == 0
    assert len(installed) == 1 and "left alone" in capsys.readouterr().out


def test_the_tool_starts_without_any_installed_package():
    ran = _python("-I", "-S", str(TOOL), "--help")
    assert ran.returncode == 0 and "--archive" in ran.stdout
