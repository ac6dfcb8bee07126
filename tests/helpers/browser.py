"""A page in a real browser: Debian's Chromium, headless, offline.

Tests that use it are skipped where there is none; ``.ci/run`` installs it where it can.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

#: Nothing that a browser does by itself, neither on the network nor on the screen.
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
#: Asked of the page itself once it is laid out.
_PROBE = """
<script>
addEventListener("load", () => {
  const out = document.createElement("pre");
  out.id = "probe";
  out.textContent = JSON.stringify({
    images: [...document.images].map(i => i.naturalWidth),
    unnamed: [...document.images].filter(i => !i.alt).length,
    scroll: document.documentElement.scrollWidth, width: document.documentElement.clientWidth,
    background: getComputedStyle(document.body).backgroundColor, color: getComputedStyle(document.body).color,
    headings: document.querySelectorAll("h1,h2").length,
    outside: performance.getEntriesByType("resource").map(e => e.name).filter(n => !/^(file|data):/.test(n)),
    alerted: window.alerted || false,
    asked: ASKED,
  });
  parent.document.body.append(out);
});
window.alert = () => { window.alerted = true; };
</script>
"""


def _chromium(tmp_path: Path, *options: str) -> tuple[str, list[str]]:
    """What it prints, and what pages wrote to the console."""
    command = [
        CHROMIUM, *OPTIONS,
        "--allow-file-access-from-files", "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}",
        *options,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, re.findall(r":CONSOLE[^]]*\] (.*)", done.stderr)


def look(page: Path, tmp_path: Path, *, width: int = 1280, dark: bool = False, ask: str = "null") -> dict:
    """What the page says of itself in a window of that width: its images' widths, whether it overflows, colours,
    what it loaded from elsewhere, what it wrote to the console, and what the test's own ``ask`` gives.
    A copy with a probe is opened, beside the page, and removed.
    """
    copy = page.with_name(f"probe-{page.name}")
    text = page.read_text(encoding="utf-8").replace('loading="lazy"', "")  # else "load" does not wait for them
    assert "<head>" in text  # first of all: behind a content security policy it would not run
    copy.write_text(text.replace("<head>", "<head>" + _PROBE.replace("ASKED", ask), 1), encoding="utf-8")
    # Chromium's window is no narrower than 500 pixels: a frame is.
    frame = page.with_name(f"frame-{page.name}.html")
    try:
        flags = ["--blink-settings=preferredColorScheme=0"] if dark else ["--blink-settings=preferredColorScheme=1"]
        if width >= 500:
            dom, console = _chromium(tmp_path, f"--window-size={width},900", *flags, "--dump-dom", copy.as_uri())
        else:
            frame.write_text(
                f'<iframe src="{copy.name}" style="width:{width}px;height:900px;border:0"></iframe>',
                encoding="utf-8",
            )
            dom, console = _chromium(tmp_path, *flags, "--dump-dom", frame.as_uri())
    finally:
        copy.unlink()
        frame.unlink(missing_ok=True)
    found = re.search(r'<pre id="probe">(.+?)</pre>', dom, re.DOTALL)
    assert found, dom[-2000:]
    said = json.loads(found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    return {**said, "console": console}


def print_pdf(page: Path, tmp_path: Path) -> bytes:
    """The page as it prints."""
    path = tmp_path / "page.pdf"
    _chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={path}", page.as_uri())
    return path.read_bytes()


def check_page(page: Path, tmp_path: Path, *, images: int) -> None:
    """What every page of ours must hold: all images decode and have a text, nothing from elsewhere is loaded, no
    script of a name runs, the console stays empty, no overflow on a telephone or a screen, light and dark differ, and
    it prints.
    """
    seen = [look(page, tmp_path, width=width, dark=dark) for width, dark in ((1280, False), (1280, True), (380, False))]
    for found in seen:
        assert len(found["images"]) >= images and all(width > 0 for width in found["images"]), found
        assert not found["unnamed"] and not found["outside"] and not found["alerted"], found
        assert not found["console"], found
        assert found["scroll"] <= found["width"] and found["headings"] >= 2, found
    light, dark, narrow = seen
    assert light["background"] != dark["background"] and light["color"] != dark["color"]
    assert narrow["width"] <= 380 < light["width"]
    pdf = print_pdf(page, tmp_path)
    assert pdf.startswith(b"%PDF") and len(pdf) > 10_000
