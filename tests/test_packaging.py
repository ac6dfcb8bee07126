from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from constrained_rcnn import __version__, model_zoo
from constrained_rcnn.install.wheel import NEEDS
from constrained_rcnn.utils.dependencies import MissingDependency, require_detectron2
from constrained_rcnn.utils.errors import UserError
from tests.helpers import packages

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(path.relative_to(ROOT / "configs").as_posix() for path in (ROOT / "configs").rglob("*.yaml"))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the checkout, so that it gets no build folder."""
    return packages.copy_source(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def modules(source):
    """What has to be in the wheel: every Python file of the package. Looked at before anything is built."""
    return {path.relative_to(source).as_posix() for path in (source / "constrained_rcnn").rglob("*.py")}


@pytest.fixture(scope="module")
def wheel(source, modules, tmp_path_factory):
    """The wheel, built without a network."""
    return packages.build_wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with nothing but the installed wheel."""
    target = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-index", "--quiet", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    return target


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory):
    """The scripts' folder of a fresh environment with nothing but the wheel: neither Torch nor NumPy."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--quiet", str(wheel)], check=True)
    return scripts


def _run(code: str, installed: Path, tmp_path: Path) -> subprocess.CompletedProcess:
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)


def _called(scripts: Path, folder: Path, *command: str) -> subprocess.CompletedProcess:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [str(scripts / command[0]), *command[1:]], cwd=folder, env=kept, capture_output=True, text=True
    )


def _names(requirements) -> set[str]:
    return {re.match(r"[\w.-]+", text)[0].lower().replace("_", "-") for text in requirements}


def test_wheel_installs_one_package_with_every_module_and_config(wheel, modules):
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"constrained_rcnn", f"constrained_rcnn-{__version__}.dist-info"}
    prefix = "constrained_rcnn/configs/"
    assert sorted(name[len(prefix) :] for name in names if name.startswith(prefix)) == CONFIGS
    assert {name for name in names if name.endswith(".py")} == modules  # needs an __init__.py in each folder
    assert any(name.endswith("/LICENSE") for name in names)
    html = "constrained_rcnn/visualization/html/templates"
    assert {f"{html}/base.html", f"{html}/style.css", "constrained_rcnn/apps/detect/schema/result-1.json"} < set(names)
    assert "constrained_rcnn/apps/serve/static/serve.js" in names


def test_wheel_holds_the_notebook(installed):
    assert (installed / "constrained_rcnn/demo.ipynb").read_bytes() == (ROOT / "tools/demo.ipynb").read_bytes()


def test_wheel_brings_the_command_and_its_weights(wheel, installed, tmp_path):
    with zipfile.ZipFile(wheel) as packed:
        (entries,) = [name for name in packed.namelist() if name.endswith("/entry_points.txt")]
        assert "constrained-rcnn = constrained_rcnn.apps.cli:main" in packed.read(entries).decode()
    code = (
        "import sys; from constrained_rcnn import model_zoo\n"
        "config, options = model_zoo.default_options()\n"
        "print(config); print(options[1])\n"
        "from constrained_rcnn.apps.cli import main\n"
        "sys.argv[1:] = ['--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    ran = _run(code, installed, tmp_path)
    assert ran.returncode == 0, ran.stderr
    config, weights = map(Path, ran.stdout.splitlines()[:2])
    assert config.is_relative_to(installed) and weights.is_relative_to(installed)
    assert 1_000_000 < weights.stat().st_size < 40_000_000


@pytest.mark.parametrize("words", ["", "prepare", "prepare casia", "detect", "train", "install-detectron2"])
def test_help_of_the_installed_command_needs_nothing_else(bare, tmp_path, words):
    ran = _called(bare, tmp_path, "constrained-rcnn", *words.split(), "--help")
    assert ran.returncode == 0 and ran.stdout.startswith(f"usage: {f'constrained-rcnn {words}'.strip()} "), ran.stderr


def test_the_first_release_s_console_scripts_are_there(bare, tmp_path):
    ran = _called(bare, tmp_path, "constrained-rcnn-compare", "--help")
    assert ran.returncode == 0 and "--against" in ran.stdout, ran.stderr
    ran = _called(bare, tmp_path, "constrained-rcnn", "--input", "a.jpg")
    assert ran.returncode == 2 and "--output" in ran.stderr


def test_configs_are_found_in_a_fresh_environment(bare, tmp_path):
    code = "from constrained_rcnn.model_zoo import *; print(*map(config_file, config_names()), sep='\\n')"
    found = _called(bare, tmp_path, "python", "-c", code).stdout.splitlines()
    assert len(found) == len(CONFIGS) and all(Path(path).is_relative_to(bare.parent) for path in found)


def test_wheel_states_what_is_needed(wheel):
    metadata = packages.metadata_of(wheel)
    assert metadata["Version"] == __version__
    requirements = metadata.get_all("Requires-Dist")
    needed = _names(text for text in requirements if "extra ==" not in text)
    assert _names(NEEDS) <= needed  # Detectron2's own needs
    pins = (ROOT / "requirements").glob("*.txt")
    lines = [line for path in pins for line in path.read_text().splitlines()]
    pinned = _names(line for line in lines if "==" in line)
    assert _names(requirements) <= pinned
    assert all(re.fullmatch(r"#.*|-r .*|[\w.-]+(\[\w+\])?==[\w.]+|", line) for line in lines)


def test_wheel_works_elsewhere(installed, tmp_path):
    code = (
        "import sys, constrained_rcnn; from constrained_rcnn import model_zoo\n"
        "print(constrained_rcnn.__file__)\n"
        "print(*model_zoo.config_names())\n"
        "files = map(model_zoo.config_file, model_zoo.config_names())\n"
        "print(all('MODEL' in open(file).read() for file in files))\n"
        "print(sorted({'torch', 'detectron2', 'numpy'} & set(sys.modules)))"
    )
    ran = _run(code, installed, tmp_path)
    assert ran.returncode == 0, ran.stderr
    where, names, readable, loaded = ran.stdout.splitlines()
    assert Path(where).is_relative_to(installed)
    assert names.split() == CONFIGS
    assert readable == "True"
    assert loaded == "[]"  # importing the package is cheap


def test_base_of_every_config_is_found_in_the_wheel(installed):
    folder = installed / "constrained_rcnn" / "configs"
    for name in CONFIGS:
        base = re.search(r'^_BASE_: "?([^"\n]+)"?$', (folder / name).read_text(), re.M)
        assert base is None or ((folder / name).parent / base[1]).is_file()


def test_config_file_in_the_checkout():
    assert Path(model_zoo.config_file(CONFIGS[0])).samefile(ROOT / "configs" / CONFIGS[0])
    assert model_zoo.config_file(CONFIGS[0][: -len(".yaml")]) == model_zoo.config_file(CONFIGS[0])
    for name in ("no_such", "../setup.py", str(ROOT / "setup.py"), ""):
        with pytest.raises(UserError, match="no such config"):
            model_zoo.config_file(name)


def test_installer_comes_with_the_wheel(installed, tmp_path):
    code = (
        "import runpy, sys; sys.argv[1:] = ['--help']\n"
        "runpy.run_module('constrained_rcnn.install.detectron2', run_name='__main__')"
    )
    ran = _run(code, installed, tmp_path)
    assert ran.returncode == 0 and "--archive" in ran.stdout


@pytest.mark.parametrize(
    "module, name", [("detectron2", "Detectron2"), ("torch", "Torch"), ("torchvision", "torchvision")]
)
def test_what_is_missing_is_said_in_one_line(installed, tmp_path, module, name):
    code = (
        f"import sys; sys.modules['{module}'] = None\n"  # the import system's own way to say: not there
        "from constrained_rcnn.utils.errors import command_line\n"
        "from constrained_rcnn.utils.dependencies import require_detectron2\n"
        "sys.exit(command_line(require_detectron2)())"
    )
    ran = _run(code, installed, tmp_path)
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"error: {name} is not installed") and ";" in line


@pytest.mark.parametrize("cause", ["ImportError('undefined symbol')", "RuntimeError('no such operator')"])
def test_a_broken_dependency_is_not_called_missing(tmp_path, monkeypatch, cause):
    (tmp_path / "torch.py").write_text(f"raise {cause}\n")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingDependency, match="Torch cannot be imported"):
        require_detectron2()


def test_nothing_is_said_where_all_is_there():
    assert require_detectron2() is None
