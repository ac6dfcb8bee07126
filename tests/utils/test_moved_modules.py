"""Import paths of the last release go on working, with a warning that names the new one; public names are lazy."""

import importlib
import subprocess
import sys

import pytest

import constrained_rcnn
from constrained_rcnn.utils.moved_modules import MOVED

#: What README and docs of the last release told people to import.
NAMED = {
    "predictor": "ManipulationPredictor",
    "repeats": "find_repeats",
    "pairs.comparison": "compare",
    "config": "load_config",
    "model_zoo": "config_file",
    "data.catalog": "register_internal",
}


@pytest.mark.parametrize("old_name", NAMED)
def test_paths_that_docs_named_work(old_name):
    sys.modules.pop(f"constrained_rcnn.{old_name}", None) if old_name in MOVED else None
    if old_name in MOVED:
        with pytest.warns(DeprecationWarning, match=f"moved to constrained_rcnn.{MOVED[old_name]};"):
            module = importlib.import_module(f"constrained_rcnn.{old_name}")
        assert module is importlib.import_module(f"constrained_rcnn.{MOVED[old_name]}")
        assert module.__spec__.name == f"constrained_rcnn.{MOVED[old_name]}"
    else:
        module = importlib.import_module(f"constrained_rcnn.{old_name}")
    assert getattr(module, NAMED[old_name]) is getattr(constrained_rcnn, NAMED[old_name])


@pytest.mark.parametrize("old_name", MOVED)
def test_every_new_path_is_there(old_name):
    importlib.import_module(f"constrained_rcnn.{MOVED[old_name]}")


def test_the_installer_runs_under_its_old_path():
    command = [sys.executable, "-m", "constrained_rcnn.detectron2_install", "--help"]
    completed = subprocess.run(command, capture_output=True, text=True)
    assert completed.returncode == 0 and "usage:" in completed.stdout


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, constrained_rcnn\n"
        "assert 'load_config' in dir(constrained_rcnn)\n"
        "assert not {'torch', 'cv2', 'numpy', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        constrained_rcnn.nothing  # noqa: B018
