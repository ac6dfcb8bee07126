"""All pages come from one base, under one policy, and escape what they are given."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import jinja2
import pytest

from constrained_rcnn.visualization.html import page
from constrained_rcnn.visualization.html.plots import HEIGHT, WIDTH, Axes

TEMPLATES = sorted((Path(page.__file__).parent / "templates").glob("*.html"))
EVIL = "</title></style><img src=x onerror=alert(1)> & \"quoted\" 'x'"


@pytest.fixture
def rendered(tmp_path, monkeypatch):
    """Renders a template's source, in place of a file."""

    def one(source, **values):
        return page._environment().from_string(source).render(values)

    return one


def test_the_policy_allows_one_style_sheet_and_nothing_else(rendered):
    html = rendered("{% extends 'base.html' %}{% block title %}{{ title }}{% endblock %}", title=EVIL)
    head, _, _ = html.partition("<body>")
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', head)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["style-src"] == f"'sha256-{digest}'" and "unsafe" not in policy and "script-src" not in policy
    assert head.index("Content-Security-Policy") < head.index("<title>")  # nothing of the page comes before it
    assert "<img" not in html and html.count("&lt;img") == 2  # title and heading


def test_no_template_needs_more_than_the_policy_allows():
    assert len(TEMPLATES) > 8
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        if path.name.startswith("serve"):  # a policy of its own: what the server itself keeps in /static
            own = r'<link rel="(stylesheet" href="/static/|icon" href="data:,")|<script type="module" src="/static/'
            text = re.sub(own, "", text)
        assert not re.search(r"\sstyle=|<script|\son\w+=|javascript:|<link|https?:", text), path.name
        if path.name != "base.html":
            assert "<style" not in text and "safe" not in re.findall(r"\|\s*(\w+)", text), path.name


def test_what_a_template_misses_is_an_error(rendered):
    with pytest.raises(jinja2.UndefinedError, match="gone"):
        rendered("{{ gone }}")


def test_long_lists_are_cut_and_say_so(rendered):
    source = "{% from 'lists.html' import skipped_list, left_out_list %}{{ skipped_list(some, 'a.csv') }}"
    entries = [{"file": f"{number}.png", "reason": EVIL} for number in range(page.SHOWN_SKIPPED + 7)]
    html = rendered(source + "{{ left_out_list(some, 'a.csv') }}", some=entries)
    assert html.count("<li>") == page.SHOWN_SKIPPED + 1 and html.count("7 more are in a.csv.") == 2
    assert "<img" not in html
    assert not rendered(source, some=[]).strip()


def test_navigation_links_first_last_and_near():
    assert page.nearby(0, 1) == [0]
    assert page.nearby(9, 20) == [0, 6, 7, 8, 9, 10, 11, 12, 19]
    source = "{% from 'lists.html' import navigation %}{{ navigation('results', 1, 3, 'Pages') }}"
    html = page._environment().from_string(source).render()
    assert re.findall(r'href="(.*?)"', html) == ["results.html", "results-3.html"]
    assert '<strong aria-current="page">2</strong>' in html


def test_plots_stay_inside_and_escape_their_words(rendered):
    axes = Axes(EVIL, EVIL, EVIL, x_range=(-0.5, 1.5), ticks=[(0, "90"), (1, EVIL)])
    axes.line(EVIL, (-9, 9), (-9, 9), "a")
    axes.scatter("", [(0, 2.0, EVIL)], "b")
    axes.histogram("bars", (0, 1, 2), (0.5, 0), "c")
    html = rendered("{% from 'plot.html' import plot %}{% call plot(axes) %}{{ words }}{% endcall %}", axes=axes,
                    words=EVIL)  # fmt: skip
    assert "<img" not in html and html.count("<rect") == 1 and html.count("<i class") == 2
    numbers = [float(n) for points in re.findall(r'points="(.*?)"', html) for n in re.split("[ ,]", points)]
    assert numbers and all(0 <= number <= max(WIDTH, HEIGHT) for number in numbers)
    assert re.findall(r'text-anchor="middle">90<', html)
