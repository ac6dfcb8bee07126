"""A hook of mkdocs: pages of the site that stand elsewhere in the repository, and the API's, made from docstrings.

Links are written for readers of the repository. Here they are turned to the site's pages; what has none becomes text.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.structure.files import File

logger = logging.getLogger("mkdocs.hooks.site_pages")

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "constrained_rcnn"
#: File of the repository -> page of the site.
PAGES = {
    "README.md": "index.md",
    "datasets/README.md": "datasets.md",
    f"{PACKAGE}/released/README.md": "released.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
#: A link or an image of Markdown; what stands between backquotes is none.
LINK = re.compile(r"(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)|`[^`]*`")
#: A role of a docstring, for instance :func:`name`, in a page's HTML; the name alone is shown.
ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):(?=<code>)")


def api_names() -> list[str]:
    """The package's parts with a page each: sub-packages and single modules, sorted."""
    parts = (ROOT / PACKAGE).iterdir()
    packages = [part.name for part in parts if (part / "__init__.py").is_file()]
    modules = [part.stem for part in (ROOT / PACKAGE).glob("*.py") if not part.stem.startswith("_")]
    return sorted(packages + modules)


def on_config(config):
    """Adds the API's pages to the navigation."""
    config.nav.append({"API": [{name: f"api/{name}.md"} for name in api_names()]})
    return config


def on_files(files, config):
    """Adds the pages that do not stand in ``docs``."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for name in api_names():
        text = f"# {PACKAGE}.{name}\n\n::: {PACKAGE}.{name}\n"
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Turns the links of a page from the repository's files to the site's."""
    if page.file.src_uri.startswith("api/"):
        return markdown
    sources = {target: source for source, target in PAGES.items()}
    source = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return turn_links(markdown, source)


def on_page_content(html, page, config, files):
    """Shows the names in docstrings without their roles."""
    return ROLE.sub("", html) if page.file.src_uri.startswith("api/") else html


def turn_links(markdown: str, source: str) -> str:
    """Args: markdown: of a file of the repository. source: its path there, on which relative links depend."""
    return LINK.sub(lambda match: _turned(match, PurePosixPath(source)), markdown)


def _turned(match: re.Match, source: PurePosixPath) -> str:
    target = match["target"]
    if target is None or re.match(r"[a-z]+:|#", target):
        return match[0]
    path, mark, anchor = target.partition("#")
    file = os.path.normpath(source.parent / path)
    if not (ROOT / file).exists():
        logger.warning("%s: no such file: %s", source, target)
    page = _page(file)
    return match["text"] if page is None else f"{match['mark']}[{match['text']}]({page}{mark}{anchor})"


def _page(file: str) -> str | None:
    """The page that shows a file of the repository, from the site's top, where all pages with links stand; or None."""
    if file in PAGES:
        return PAGES[file]
    parts = PurePosixPath(file).parts
    if parts[0] == "docs":
        return "/".join(parts[1:])
    if parts[0] == PACKAGE and len(parts) > 1:
        return f"api/{PurePosixPath(parts[1]).stem}.md"
    return None
