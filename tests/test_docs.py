"""README and docs: short enough, no dead link, and every command, script, key and name that they tell of is there."""

import importlib.util
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import tomllib
import yaml

import constrained_rcnn
from constrained_rcnn.apps.command_table import BY_NAME, PREFIXES

ROOT = Path(__file__).resolve().parents[1]
PATTERNS = ("*.md", "docs/*.md", "datasets/*.md", "constrained_rcnn/*/*.md")
FILES = [path for pattern in PATTERNS for path in ROOT.glob(pattern)]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in FILES)
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}


def slugs(text: str) -> set[str]:
    """What the headings of a page can be linked by, and its own anchors."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


def test_readme_is_short():
    assert (ROOT / "README.md").stat().st_size <= 5000


def test_readme_states_figures_as_the_model_zoo_has_them():
    section = TEXTS["README.md"].split("## How good it is")[1].split("\n## ")[0]
    rows = "".join(line for line in section.splitlines() if line.startswith("|"))
    figures = set(re.findall(r"\d+(?:\.\d+)?", rows))
    assert len(figures) > 4
    assert figures - set(re.findall(r"\d+(?:\.\d+)?", TEXTS["docs/model_zoo.md"])) == set()


def test_readme_names_both_make_commands():
    assert re.search(r"^make demo\b", TEXTS["README.md"], re.MULTILINE)
    assert re.search(r"^make test\b", TEXTS["README.md"], re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in slugs(file.read_text(encoding="utf-8"))):
            dead.append(target)
    assert dead == []


def is_command(words: str) -> bool:
    first, second = (words.split() + ["", ""])[:2]
    return first in BY_NAME or f"{first} {second}" in BY_NAME or (first in PREFIXES and not second)


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_there(page):
    text = TEXTS[page]
    named = re.findall(r"constrained-rcnn ([a-z][\w-]*(?: [a-z][\w-]*)?)", text)
    column = None
    for line in text.splitlines():  # tables whose heading is `constrained-rcnn ...` leave out that word
        cells = [cell.strip() for cell in line.split("|")]
        if "`constrained-rcnn ...`" in cells:
            column = cells.index("`constrained-rcnn ...`")
        elif len(cells) < 3:
            column = None
        elif column is not None and "`" in cells[column]:
            named.append(re.match(r"`([a-z][\w-]*(?: [a-z][\w-]*)?)", cells[column])[1])
    assert [words for words in named if not is_command(words)] == []


@pytest.mark.parametrize("page", PAGES)
def test_scripts_configs_and_targets_are_there(page):
    text = TEXTS[page]
    files = re.findall(
        r"(?<![\w/.])(?:(?:tools|datasets)/\w+\.py|configs/[\w-]+\.yaml|constrained_rcnn/[\w/]+\.py)", text
    )
    assert [file for file in files if not (ROOT / file).is_file()] == []
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make (?:[A-Z_]+=\S+ )?([a-z][\w-]*)", text, re.MULTILINE)
    assert [target for target in named if target not in targets] == []


@pytest.mark.parametrize("page", PAGES)
def test_imports_are_there(page):
    for module, names in re.findall(r"from (constrained_rcnn[\w.]*) import ([\w, ]+)", TEXTS[page]):
        assert importlib.util.find_spec(module)
        if module == "constrained_rcnn":
            assert {name.strip() for name in names.split(",")} - {""} <= set(constrained_rcnn.__all__)


def test_config_keys_are_there():
    from constrained_rcnn.config import get_cfg

    missing = []
    for page, text in TEXTS.items():
        for key in re.findall(r"\b(?:MODEL|INPUT|TEST|DATASETS|DATALOADER|SOLVER)(?:\.[A-Z][A-Z0-9_]*)+\b", text):
            node = get_cfg()
            for part in key.split("."):
                node = node.get(part) if hasattr(node, "get") else None
            if node is None:
                missing.append((page, key))
    assert missing == []


def test_layout_lists_the_packages_as_the_walls_stand():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = [contract["layers"] for contract in contracts if contract["id"] == "layers"]
    rows = re.findall(
        r"^\| \[?`(\w+)`", TEXTS["docs/layout.md"].split("## Packages")[1].split("\n## ")[0], re.MULTILINE
    )
    height = {name: number for number, layer in enumerate(layers) for name in re.findall(r"\w+", layer)}
    assert sorted(rows) == sorted(height)
    assert [height[name] for name in rows] == sorted(height.values())


def test_citation_names_this_version_and_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == constrained_rcnn.__version__
    assert f"## {constrained_rcnn.__version__} - {citation['date-released']}" in TEXTS["CHANGELOG.md"]
    paper = citation["preferred-citation"]
    assert paper["doi"] in TEXTS["README.md"]
    for author in paper["authors"]:
        assert f"{author['family-names']}, {author['given-names']}" in TEXTS["README.md"]


@pytest.fixture(scope="module")
def hook():
    """Of mkdocs. That no link of the site is dead is the strict build's to say."""
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "docs" / "site_pages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("source", "text", "turned"),
    [
        ("README.md", "[zoo](docs/model_zoo.md#the-map)", "[zoo](model_zoo.md#the-map)"),
        ("README.md", "![demo](docs/demo.jpg)", "![demo](demo.jpg)"),
        ("docs/training.md", "[sets](../datasets/README.md)", "[sets](datasets.md)"),
        ("docs/training.md", "[keys](../constrained_rcnn/config.py)", "[keys](api/config.md)"),
        ("docs/security.md", "[it](../constrained_rcnn/images/limits.py)", "[it](api/images.md)"),
        ("docs/layout.md", "[`data`](../constrained_rcnn/data/__init__.py)", "[`data`](api/data.md)"),
        ("README.md", "[LICENSE](LICENSE)", "LICENSE"),
        ("README.md", "[a](https://b.example) [c](#d) `[x](y)`", "[a](https://b.example) [c](#d) `[x](y)`"),
    ],
)
def test_links_are_turned_to_pages(hook, source, text, turned, caplog):
    assert hook.turn_links(text, source) == turned
    assert not caplog.records


def test_a_dead_link_is_a_warning(hook, caplog):
    hook.turn_links("[a](nowhere.py)", "README.md")
    assert "README.md: no such file: nowhere.py" in caplog.text


def test_roles_of_docstrings_are_not_shown(hook):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="api/utils.md"))
    assert hook.on_page_content("see :func:<code>f</code>", page, None, None) == "see <code>f</code>"


def test_every_package_has_a_page(hook):
    names = hook.api_names()
    assert {"config", "model_zoo", "inference", "matching", "utils"} <= set(names)
    assert "__init__" not in names and "weights" not in names
