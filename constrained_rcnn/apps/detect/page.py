"""The results of a run as pages that open offline, sorted by score. No script; photos are small files beside them."""

from __future__ import annotations

import json
from collections import Counter
from html import escape
from pathlib import Path
from urllib.parse import quote

from ...utils.files import write_bytes_atomic
from ...visualization.html.page import html_page, left_out_list, navigation, page_name, remove_other_pages, skipped_list
from ...visualization.overlay import THUMBNAIL_GAP, thumbnail_size

#: Images on one page, so that forty thousand stay two hundred pages that any browser opens.
PER_PAGE = 200

_OWN_STYLE = """
.result{display:grid;grid-template-columns:minmax(0,2fr) minmax(0,3fr);gap:14px;align-items:start}
.result img{max-width:100%;height:auto;border-radius:4px;display:block}
.pictures{display:grid;gap:6px;justify-items:start}
.result h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
.verdict{font-weight:600}
.verdict.yes{color:var(--a)}
.meter{height:8px;border-radius:4px;background:var(--line);position:relative;margin:6px 0 8px}
.meter i{position:absolute;left:0;top:0;bottom:0;border-radius:4px;background:var(--c)}
.meter i.yes{background:var(--a)}
.meter b{position:absolute;top:-3px;bottom:-3px;width:2px;background:var(--fg)}
code{font-size:.8rem}
code,li{overflow-wrap:anywhere}
nav a,.links a{margin-right:.9rem}
a{color:var(--b)}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:2px 14px;margin:.6rem 0;font-size:.85rem}
dd{margin:0}
@media (max-width:640px){.result,.facts{grid-template-columns:minmax(0,1fr)}}
"""

_MEANING = """
<section class="warning"><h2 style="margin-top:0">What a score says, and what it does not</h2>
<p>A score near 1 says that a part of the picture carries traces unlike the rest, of the kind that pasting, copying or
erasing leaves. It is a reason to look closer: at the marked region, at the original file, at where the picture came
from. It is <strong>not proof</strong>, and not the probability that the picture is a fake.</p>
<p>A low score proves nothing either. Recompression, resizing and screenshots wipe traces out; small or careful
changes are missed; a picture made as a whole (staged, or by a generator) has nothing pasted in. Captions, sharp
borders, strong filters and collages can raise a score without any intent to deceive.</p>
<p>The bar shows the score; the line across it is the threshold of the decision. How many untouched images of the same
kind (its size, and how strongly it is compressed) score as high was measured on photos that nobody had manipulated; of
a hundred honest photos one or two are called manipulated all the same. What the network was never shown (drawings,
documents, tiny or strongly compressed images) is not judged.</p>
<p><strong>Pairs of regions alike</strong> are another test, without the network: parts of the picture that occur
twice, down to their finest structure. Somebody may have copied one over the other, or the world itself repeats:
windows, tiles, printed patterns. Look at both places. Where the network tells which of the two is the copy, an arrow
leads to it; where the config says TEST.REPEATS, as that of the package's own weights does, they raise map and
score, too.</p></section>
"""
_MEANING_AGAIN = """
<p class="warning">A score is a reason to look closer, <strong>not proof</strong>; a low one proves nothing either.
<a href="results.html">The first page</a> says more.</p>
"""


def write_pages(
    folder: Path, rows: list[dict], skipped: list[dict], about: dict, *, finished: bool, expected: int,
    left_out: list[dict] = (),
) -> list[Path]:  # fmt: skip
    """Writes ``results.html``, and ``results-2.html`` and so on where there are more than ``PER_PAGE`` images.

    Args:
        folder: holds the results that the pages link to.
        rows: of :class:`.results_table.ResultsTable`, best first; names are escaped here.
        skipped: ``{"file", "reason"}`` each.
        about: ``weights`` (file, sha256), ``config_sha256`` and ``versions`` of the run.
        finished: False for a run that was interrupted.
        expected: number of files that the run was to judge.
        left_out: ``{"file", "reason"}`` of files in its folders that are no images.

    Returns:
        The pages' paths.
    """
    pages = [rows[start : start + PER_PAGE] for start in range(0, len(rows), PER_PAGE)] or [[]]
    paths = [folder / page_name("results", number) for number in range(len(pages))]
    facts = _facts(rows, about)
    for number, (path, part) in enumerate(zip(paths, pages)):
        title = f"Image manipulation: {_count(len(rows), 'image')} judged"
        if number:
            title += f", page {number + 1} of {len(pages)}"
        body = [f"<h1>{title}</h1>"]
        body.append(_summary(rows, skipped, finished, expected) + _MEANING if number == 0 else _MEANING_AGAIN)
        body += [facts, navigation("results", number, len(pages), "Pages"), "<h2>Results, highest score first</h2>"]
        body += [_result(row, about) for row in part] or ["<p>No image was judged.</p>"]
        body.append(navigation("results", number, len(pages), "Pages, again"))
        if number == 0 and skipped:
            body.append(skipped_list(skipped, "results.csv"))
        if number == 0 and left_out:
            body.append(left_out_list(left_out, "results.csv"))
        html = html_page(title, "".join(body), _OWN_STYLE)
        write_bytes_atomic(path, html.encode("utf-8"))
    remove_other_pages(folder, "results", len(pages))
    return paths


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _summary(rows, skipped, finished, expected) -> str:
    found, unsuitable = (sum(bool(row[key]) for row in rows) for key in ("manipulated", "unsuitable"))
    judged = f", {unsuitable} that cannot be judged" if unsuitable else ""
    left = expected - len(rows) - len(skipped)
    state = "" if finished else f" <strong>Interrupted: {_count(left, 'file')} still to do; add --resume.</strong>"
    looked = any(row["repeats"] is not None for row in rows)
    twice = f"; something occurs twice in {sum(bool(row['repeats']) for row in rows)}" if looked else ""
    where = ' (<a href="#skipped">list</a>)' if skipped else ""
    return (
        f"<p>{found} called manipulated, {len(rows) - found - unsuitable} without a finding{judged}, "
        f"{len(skipped)} skipped{where}{twice}.{state} "
        '<a href="results.csv">All as CSV</a></p>'
    )


def _facts(rows, about) -> str:
    """What made the results; on every page, for pages get printed and passed on alone."""
    times = sorted(row["time"] for row in rows)
    now = json.dumps(about["versions"], sort_keys=True)
    earlier = Counter(row["versions"] for row in rows if row["versions"] != now)
    config = about["config_sha256"]
    others = Counter((row["weights_sha256"], row["config_sha256"]) for row in rows if _by_others(row, about))
    facts = {
        "Judged (UTC)": " to ".join(dict.fromkeys((times[0], times[-1]))) if times else "nothing",
        "Weights": about["weights"]["file"],
        "SHA-256 of the weights": about["weights"]["sha256"],
        "SHA-256 of the config": config,
        "Versions": _versions(about["versions"]),
        **{
            f"Weights and config, {_count(number, 'result')} of an earlier run": f"{weights}, {made_by}"
            for (weights, made_by), number in sorted(others.items())
        },
        **{
            f"Versions, {_count(number, 'result')} of an earlier run": _versions(json.loads(one))
            for one, number in sorted(earlier.items())
        },
    }
    listed = "".join(f"<dt>{escape(key)}</dt><dd><code>{escape(value)}</code></dd>" for key, value in facts.items())
    return (
        f'<h2>How these results were made</h2><dl class="facts">{listed}</dl><p class="soft">The config is beside '
        f'this page: <a href="config-{config[:12]}.yaml">config-{config[:12]}.yaml</a>.</p>'
    )


def _versions(versions) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _reading(row: dict) -> str:
    return f'<p class="soft">Read: {escape(row["reading"])}</p>' if row["reading"] else ""


def _by_others(row: dict, about: dict) -> bool:
    """Whether a result is of an earlier run with other weights or another config."""
    made_of = (row["weights_sha256"], row["config_sha256"])
    return made_of != ("", "") and made_of != (about["weights"]["sha256"], about["config_sha256"])


def _rarity(row: dict) -> str:
    """How rare the score is among untouched images, and why it may say nothing."""
    if row["one_in"] is None:
        return ""
    lines = f"1 in {row['one_in']:.0f} untouched images of this kind scores as high or higher"
    lines = f'<p class="soft">{lines} ({escape(row["kind"])}; {row["untouched"]} were measured)</p>'
    if row["unsuitable"]:
        lines += f'<p class="soft"><strong>Not judged, because it is {escape(row["unsuitable"])}</strong></p>'
    return lines


def _covered(row: dict) -> str:
    return "" if row["covered"] is None else f", {100 * row['covered']:.1f}% of the image above 0.5 in the map"


def _result(row: dict, about: dict) -> str:
    name, state = quote(row["name"]), "yes" if row["manipulated"] else "no"
    said = row["decision"].capitalize()
    how = f" ({escape(', '.join(row['techniques']))})" if row["techniques"] else ""
    notes = f", in {row['tiles']} tiles" if row["tiles"] > row["views"] else ""
    if _by_others(row, about):
        notes += ", by an earlier run with other weights or another config: no score to compare with the others"
    alt = f"Photo and, beside it, the same in grey with suspicious regions in colour: {row['file']}"
    width, height = thumbnail_size(row["width"], row["height"])
    # Links read out of context say which file they are of.
    file = escape(row["file"])
    kinds = [("evidence", "_overlay.jpg"), ("map", "_map.png"), ("JSON", ".json")]
    kinds[1:1] = [("what occurs twice", "_repeats.jpg")] * bool(row["repeats"])
    links = "".join(f'<a href="{name}{suffix}" aria-label="{kind} of {file}">{kind}</a>' for kind, suffix in kinds)
    twins = f", {row['twins']} of them found by what occurs twice" if row["twins"] else ""
    twice, shown = "", ""
    if row["repeats"]:
        first = "the largest " if row["repeats"] > 1 else ""
        twice = (
            f'<p class="soft"><strong>{_count(row["repeats"], "pair")} of regions alike</strong>: '
            f"{first}{escape(row['alike'])}</p>"
        )
        shown = (
            f'<a href="{name}_repeats.jpg"><img loading="lazy" src="{name}_repeats.jpg" width="{width}" '
            f'height="{height}" alt="The photo in grey, regions that occur twice in colour: {file}"></a>'
        )
    return (
        '<article class="case result"><div class="pictures">'
        f'<a href="{name}_overlay.jpg"><img loading="lazy" src="thumbnails/{name}.jpg" alt="{escape(alt)}" '
        f'width="{2 * width + THUMBNAIL_GAP}" height="{height}"></a>{shown}</div>'
        f'<div><h3>{file}</h3><span class="verdict {state}">{said}{how}</span>, '
        f"score {row['score']:.3f}, threshold {row['threshold']:.3f}{_rarity(row)}"
        f'<div class="meter" aria-hidden="true"><i class="{state}" style="width:{100 * row["score"]:.1f}%"></i>'
        f'<b style="left:{100 * row["threshold"]:.1f}%"></b></div>'
        f'<p class="soft">{row["width"]} × {row["height"]} pixels, {_count(row["regions"], "suspicious region")}'
        f"{_covered(row)}{twins}{notes}, judged {escape(row['time'])}</p>{_reading(row)}{twice}"
        f'<p class="links">{links}</p>'
        f'<p class="soft">SHA-256 <code>{escape(row["sha256"])}</code></p></div></article>'
    )
