"""The pairs of a run as pages that open offline, most telling first. No script; pictures are files beside them."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

from constrained_rcnn.apps.detect.table import how
from constrained_rcnn.utils.files import write_bytes_atomic
from constrained_rcnn.visualization.html.page import (
    html_page,
    left_out_list,
    navigation,
    page_name,
    remove_other_pages,
    skipped_list,
)

#: Pairs on one page.
PER_PAGE = 200

_STYLE = """
.pair img{max-width:100%;height:auto;border-radius:4px;display:block;margin:0 0 8px}
.pair h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
.verdict{font-weight:600}
.verdict.yes{color:var(--a)}
nav a,.links a{margin-right:.9rem}
a{color:var(--b)}
code{font-size:.8rem}
code,li{overflow-wrap:anywhere}
"""

_MEANING = """
<section class="warning"><h2 style="margin-top:0">What this says, and what it does not</h2>
<p><strong>Same picture, altered</strong>: both are versions of one picture. What both show is framed in blue; where
they differ by more than compression, tones and scaling explain, it is filled with red. Something was put in, taken out
or painted over in one of them, or a caption or logo was; or one went through a strong filter (local contrast, HDR,
sharpening, vignette), which leaves scattered red; or the two were shot moments apart. Which of the two is the altered
one they do not say: look for the older, larger file, and at what makes sense.</p>
<p><strong>Shared region</strong>: both show something alike down to its finest structure, in one colour, but are not
alike around it. A part of one may have been pasted into the other, or both took it from a third picture;
logos, watermarks, frames and one thing photographed twice are alike, too, without any harm.</p>
<p><strong>Same picture</strong>, <strong>same file</strong>: no difference stands out. A digit, a softened face and
other small or faint changes may be there nevertheless: lay both side by side. Nothing found between two pictures means
little: smooth or small regions, what was compressed hard or bent in perspective, and text have too little to
compare.</p>
</section>
"""


def write_page(
    folder: Path, pairs: list[dict], skipped: list[dict], about: dict, *, pictures: int, compared: int,
    earlier: int = 0, left_out: list[dict] = (),
) -> list[Path]:  # fmt: skip
    """Writes ``pairs.html``, and ``pairs-2.html`` and so on where there are more than ``PER_PAGE`` pairs.

    Args:
        folder: holds ``pairs/``, to which the pages link.
        pairs: records as in ``pairs.json``, in the order of the page; names are escaped here.
        skipped: ``{"file", "reason"}`` each.
        about: ``time``, ``versions`` and ``finished`` of the run.
        pictures, compared: how many were read, and how many pairs of them compared.
        earlier: how many of ``pairs`` are not among these, but were found by earlier runs.
        left_out: ``{"file", "reason"}`` of files in folders that are no images.

    Returns:
        The pages' paths.
    """
    parts = [pairs[start : start + PER_PAGE] for start in range(0, len(pairs), PER_PAGE)] or [[]]
    paths = [folder / page_name("pairs", number) for number in range(len(parts))]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(about["versions"].items()))
    for number, (path, part) in enumerate(zip(paths, parts)):
        title = f"Pictures compared: {len(pairs) - earlier} of {compared} pairs have something in common"
        title += f", and {earlier} of earlier runs" if earlier else ""
        title += f", page {number + 1} of {len(parts)}" if len(parts) > 1 else ""
        body = [f"<h1>{title}</h1>"]
        if number == 0:
            body.append(_summary(pairs, skipped, about["finished"], pictures) + _MEANING)
        body += [f'<p class="soft">{escape(about["time"])}, {escape(versions)}</p>']
        body.append(navigation("pairs", number, len(parts), "Pages"))
        body += ["<h2>Pairs</h2>", *(_pair(pair) for pair in part)] if part else ["<h2>Nothing in common</h2>"]
        body.append(navigation("pairs", number, len(parts), "Pages, again"))
        if number == 0 and skipped:
            body.append(skipped_list(skipped, "pairs.csv"))
        if number == 0 and left_out:
            body.append(left_out_list(left_out, "pairs.csv"))
        write_bytes_atomic(path, html_page(title, "".join(body), _STYLE).encode("utf-8"))
    remove_other_pages(folder, "pairs", len(parts))
    return paths


def _summary(pairs, skipped, finished, pictures) -> str:
    kinds = {}
    for pair in pairs:
        kinds[pair["relation"]] = kinds.get(pair["relation"], 0) + 1
    said = [f"{pictures} pictures", *(f"{count} × {kind}" for kind, count in kinds.items())]
    said.append(f'{len(skipped)} skipped (<a href="#skipped">list</a>)' if skipped else "none skipped")
    state = "" if finished else " <strong>Interrupted: not all were compared; add --resume.</strong>"
    return f'<p>{"; ".join(said)}.{state} <a href="pairs.csv">All as CSV</a></p>'


def _pair(pair: dict) -> str:
    first, second = escape(pair["first"]), escape(pair["second"])
    # A difference, or a part without its surroundings, is what asks for a look.
    state = "yes" if pair["relation"] in ("same picture, altered", "shared region") else "no"
    shown, facts = "", ""
    if pair["name"]:
        name = f"pairs/{quote(pair['name'])}"
        shown = (
            f'<a href="{name}.jpg"><img loading="lazy" src="{name}.jpg" width="{pair["width"]}" '
            f'height="{pair["height"]}" alt="{first} and {second} side by side, in grey; what matters in colour"></a>'
        )
        facts = "".join(f'<p class="soft">{_fact(one)}</p>' for one in pair["shared"])
        facts += (
            f'<p class="links"><a href="{name}_first.png" aria-label="mask of {first}">mask of the first</a>'
            f'<a href="{name}_second.png" aria-label="mask of {second}">mask of the second</a></p>'
        )
    read = [(side, pair.get(f"{side}_reading")) for side in ("first", "second")]
    facts += "".join(f'<p class="soft">The {side} was read: {escape(str(said))}</p>' for side, said in read if said)
    return (
        f'<article class="case pair">{shown}<h3>{first} and {second}</h3>'
        f'<span class="verdict {state}">{escape(pair["relation"])}</span>{facts}'
        f'<p class="soft">SHA-256 <code>{escape(pair["first_sha256"])}</code>, '
        f"<code>{escape(pair['second_sha256'])}</code></p></article>"
    )


def _fact(one: dict) -> str:
    said = how(one)
    if not one["same_picture"]:
        return f"A region: {said}; the two share {100 * one['overlap']:.0f}% when laid one on the other like this"
    differs = [100 * one[f"{side}_altered"] for side in ("first", "second")]
    where = f"; {differs[0]:.2g}% of the first and {differs[1]:.2g}% of the second differ" if any(differs) else ""
    return f"Versions of one picture: {said}{where}"
