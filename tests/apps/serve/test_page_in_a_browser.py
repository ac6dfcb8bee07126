"""The page in a real browser: drop, paste, choose, keys alone, what goes wrong; small random weights."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from urllib.request import Request, urlopen

import cv2
import pytest

from constrained_rcnn.apps.serve.limits import Limits
from constrained_rcnn.apps.serve.progress import Progress
from constrained_rcnn.apps.serve.worker import WorkerMaker
from tests.apps.detect.test_run import CONFIG
from tests.helpers.browser import needs_chromium
from tests.helpers.detect_files import save
from tests.helpers.devtools import browser
from tests.helpers.served import serving
from tests.helpers.served_worker import Obedient
from tests.inference.test_untouched import photo

pytestmark = needs_chromium
ENDED = "[...document.querySelectorAll('.entry')].filter(e => ['done', 'failed'].includes(e.dataset.state)).length"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    save(folder / "a.png")
    save(folder / "b.jpg", seed=1)
    (folder / "<img src=x onerror=alert(1)>.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "bad.jpg").write_bytes(b"<script>alert(1)</script>")
    (folder / "empty.png").touch()
    pixels = photo(300, 400, 5)
    cv2.imwrite(str(folder / "first.png"), pixels)
    pixels[100:160, 100:200] = cv2.GaussianBlur(pixels[200:260, 200:300], (0, 0), 3)
    cv2.imwrite(str(folder / "second.png"), pixels)
    return folder


@pytest.fixture(scope="module")
def running(options):
    progress = Progress()
    with serving(WorkerMaker(CONFIG, tuple(options), progress), progress) as url:
        yield url


@pytest.fixture
def address(running):
    """Of the session, emptied."""
    with urlopen(f"{running}v1/images") as answer:
        images = json.load(answer)["images"]
    for image in images:
        urlopen(Request(f"{running}v1/images/{image['id']}", method="DELETE")).close()
    return running


@contextmanager
def opened(chromium, url, *, quiet=True, **options):
    """A page of the session; at the end nothing may have been asked for elsewhere, nor said to the console."""
    with chromium.page(url, **options) as page:
        yield page
        assert not quiet or page.console() == []
        asked = [one for one in page.requested() if not one.startswith(("data:", "blob:"))]
        assert asked and all(one.startswith(url.partition("?")[0]) for one in asked)


def says(page) -> str:
    return page.ask("document.body.innerText")


def test_two_are_dropped_at_once(chromium, address, files):
    with opened(chromium, address) as page:
        page.drop(files / "a.png", files / "b.jpg")
        page.wait(f"{ENDED} === 2")
        assert page.ask("[...document.querySelectorAll('.name')].map(e => e.textContent)") == ["a.png", "b.jpg"]
        page.wait("[...document.querySelectorAll('.entry img')].every(i => i.complete && i.naturalWidth)")
        assert page.ask("document.querySelectorAll('.entry img').length") == 4
        assert says(page).count("threshold 0.250") == 2
        # What is offered can be fetched.
        links = page.ask("[...document.querySelectorAll('.entry .links a')].map(a => a.getAttribute('href'))")
        assert len(links) >= 6
        statuses = page.ask(f"Promise.all({json.dumps(links)}.map(a => fetch(a).then(r => r.status)))")
        assert set(statuses) == {200}
        page.ask("location.reload()")  # the session remembers
        page.wait(f"{ENDED} === 2")
        sheet = page.ask("document.querySelector('.links a').href")
    with chromium.page(sheet) as page:
        assert page.ask("document.title") == "Evidence: a.png" and page.console() == []


def test_one_is_pasted(chromium, address, files):
    with opened(chromium, address) as page:
        page.paste_image(files / "a.png")
        page.wait(f"{ENDED} === 1")
        assert page.ask("document.querySelector('.entry').dataset.state") == "done"


def test_files_that_cannot_be_examined(chromium, address, files):
    with opened(chromium, address) as page:
        page.drop(files / "bad.jpg", files / "empty.png", files / "<img src=x onerror=alert(1)>.png")
        page.wait(f"{ENDED} === 2")
        text = says(page)
        assert "failed: not an image" in text and "empty.png: not sent: empty" in text
        assert "<img src=x onerror=alert(1)>.png" in text
        states = page.ask("[...document.querySelectorAll('.entry')].map(e => e.dataset.state)")
        assert states == ["failed", "done"]


def test_by_keys_alone(chromium, address, files):
    with opened(chromium, address) as page:
        page.call("Page.setInterceptFileChooserDialog", enabled=True)
        page.tab_to("#choose")
        page.press("Enter")
        page.choose(files / "first.png", files / "a.png")
        page.wait(f"{ENDED} === 2")
        assert page.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"  # the focus is seen
        page.tab_to(".opacity")
        before = page.ask("getComputedStyle(document.querySelector('.over')).opacity")
        page.press("ArrowRight")
        assert float(page.ask("getComputedStyle(document.querySelector('.over')).opacity")) > float(before)
        page.tab_to(".links a")
        page.tab_to(".second")
        page.press("Enter")
        page.choose(files / "second.png")
        page.wait(f"{ENDED} === 3")
        assert "Same image" in says(page)
        page.ask("document.querySelector('.remove').focus()")
        page.press("Enter")
        page.wait("document.querySelectorAll('.entry').length === 2")
        assert page.ask("document.activeElement.getAttribute('aria-label')") == "Remove: a.png"
        page.wait("document.getElementById('news').textContent === 'first.png: removed'")
        assert page.ask("document.getElementById('news').getAttribute('role')") == "status"  # politely


def test_before_and_after(chromium, address, files):
    with opened(chromium, address) as page:
        page.call("Page.setInterceptFileChooserDialog", enabled=True)
        page.drop(files / "first.png")
        page.wait(f"{ENDED} === 1")
        page.tab_to(".second")
        page.press("Enter")
        page.choose(files / "second.png")
        page.wait(f"{ENDED} === 2")
        slider = "document.querySelectorAll('.opacity')[1]"
        assert page.ask(f"{slider}.labels[0].innerText").startswith("From first.png to second.png")
        page.ask(f"{slider}.value = 100, {slider}.dispatchEvent(new Event('input')), 0")
        assert page.ask("getComputedStyle(document.querySelectorAll('.over')[1]).opacity") == "1"


@pytest.mark.parametrize("width", [380, 1280])
def test_on_telephones_and_screens_light_and_dark(chromium, address, files, width):
    seen = []
    for dark in (False, True):
        with opened(chromium, address, width=width, dark=dark) as page:
            page.drop(files / "a.png", files / "bad.jpg")
            page.wait(f"{ENDED} === 2")
            assert page.ask("document.documentElement.scrollWidth <= innerWidth && innerWidth") == width
            assert page.ask("[...document.images].every(i => i.hasAttribute('alt'))")
            named = "[...document.querySelectorAll('input, button, a')].every(e => e.labels?.length || e.innerText)"
            assert page.ask(named)
            seen.append(page.ask("getComputedStyle(document.body).backgroundColor"))
    assert seen[0] != seen[1]


def test_progress_cancelling_and_the_end_of_the_program(chromium, tmp_path):
    progress, session = Progress(), ExitStack()
    for name in ("forever", "bad"):
        (tmp_path / name).write_bytes(b"x")
    url = session.enter_context(serving(Obedient(progress), progress, limits=Limits(waiting=1)))
    # The browser itself writes a line where a request is refused, or gets no answer.
    with session, opened(chromium, url, quiet=False) as page:
        page.drop(tmp_path / "forever")
        page.wait("document.querySelector('progress')?.value === 3")
        assert "detecting, 3 of 12" in says(page) and page.ask("document.querySelector('progress').max") == 12
        page.drop(tmp_path / "bad")
        page.wait("document.querySelectorAll('.entry').length === 2")
        page.drop(tmp_path / "forever")  # the queue is full: it waits in the page
        page.ask("document.querySelector('.remove').click()")
        page.wait("document.body.innerText.includes('failed: not an image')")
        page.wait("document.querySelectorAll('.entry')[1]?.innerText.includes('3 of 12')")
        assert page.ask("document.querySelectorAll('.entry').length") == 2
        session.close()
        page.wait("document.getElementById('news').textContent.includes('does not answer')")


def test_the_token_leaves_the_address_bar(chromium, tmp_path):
    progress = Progress()
    with serving(Obedient(progress), progress, token=True) as url, opened(chromium, url) as page:
        assert "token=" in url and page.ask("location.href") == url.partition("?")[0]
        assert page.ask("document.cookie") == ""  # no script reads it
