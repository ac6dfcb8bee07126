"""A page in a running browser, led over the DevTools protocol: real keys, drops, pastes and files."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from websockets.sync.client import connect

from tests.helpers.browser import CHROMIUM, OPTIONS

#: Seconds until a test gives up on what never comes; no test measures them.
PATIENCE = 60


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in a folder."""
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")
    try:
        for line in process.stderr:
            if line.startswith("DevTools listening on "):
                break
        with connect(line.split()[-1], max_size=None, compression=None) as socket:
            yield Browser(socket)
    finally:
        process.terminate()
        process.communicate()


class Browser:
    """The connection; answers and events of all tabs come over it."""

    def __init__(self, socket):
        self._socket, self._ids, self.events = socket, itertools.count(1), []

    def call(self, method: str, session: str | None = None, **parameters) -> dict:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps({**message, "sessionId": session} if session else message))
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def event(self, method: str) -> dict:
        """Waits for an event that has not been taken yet, and takes it."""
        while True:
            for event in self.events:
                if event["method"] == method:
                    self.events.remove(event)
                    return event["params"]
            self._receive()

    def _receive(self) -> dict:
        answer = json.loads(self._socket.recv(timeout=PATIENCE))
        if "method" in answer:
            self.events.append(answer)
        return answer

    @contextlib.contextmanager
    def page(self, address: str, *, width: int = 1280, dark: bool = False) -> Iterator[Page]:
        """A page in a window of its own, with cookies and so on of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.events.clear()
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setFocusEmulationEnabled", enabled=True)  # keys reach it whatever window is in front
        page.call("Page.bringToFront")
        page.resize(width, dark=dark)
        page.call("Page.navigate", url=address)
        page.wait("document.readyState == 'complete'")
        yield page
        self.call("Target.closeTarget", targetId=target)
        self.call("Target.disposeBrowserContext", browserContextId=context)


class Page:
    """One page."""

    def __init__(self, owner: Browser, session: str):
        self._owner, self._session = owner, session

    def call(self, method: str, **parameters) -> dict:
        return self._owner.call(method, self._session, **parameters)

    def resize(self, width: int, *, dark: bool) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def ask(self, expression: str):
        """The value of an expression in the page; of a promise, what it comes to."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, expression: str):
        """Asks until the answer is yes."""
        end = time.monotonic() + PATIENCE
        while not (answer := self.ask(expression)):
            assert time.monotonic() < end, (expression, self.ask("document.body.innerText"))
            time.sleep(0.1)
        return answer

    def press(self, key: str, *, control: bool = False, commands: tuple[str, ...] = ()) -> None:
        code = {"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowRight": 39, "v": 86}[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        about = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if control else 0}
        kind = "keyDown" if text else "rawKeyDown"
        self.call("Input.dispatchKeyEvent", type=kind, text=text, commands=list(commands), **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def tab_to(self, selector: str) -> None:
        """Presses Tab until the element has the focus."""
        for _ in range(60):
            if self.ask(f"document.activeElement.matches({json.dumps(selector)})"):
                return
            self.press("Tab")
        raise AssertionError(f"the Tab key does not lead to {selector}")

    def drop(self, *files: Path) -> None:
        """Drags files over the page and lets them go."""
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=200, y=200, data=data)

    def paste_image(self, file: Path) -> None:
        """Copies a PNG file's image, and pastes it with the keys."""
        self._owner.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        data = json.dumps(base64.b64encode(file.read_bytes()).decode())
        self.ask(f"""(async () => {{
            const bytes = Uint8Array.from(atob({data}), (letter) => letter.charCodeAt(0));
            const image = new Blob([bytes], {{type: "image/png"}});
            await navigator.clipboard.write([new ClipboardItem({{"image/png": image}})]);
        }})()""")
        self.press("v", control=True, commands=("paste",))

    def choose(self, *files: Path) -> None:
        """Answers the dialogue that a key or a click on a file input opens."""
        opened = self._owner.event("Page.fileChooserOpened")
        names = [str(file) for file in files]
        self.call("DOM.setFileInputFiles", files=names, backendNodeId=opened["backendNodeId"])

    def console(self) -> list:
        """Everything that was written to the console, and every exception."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event for event in self._owner.events if event["method"] in kinds]

    def requested(self) -> list[str]:
        """Every address that was asked for."""
        events = [event for event in self._owner.events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in events]

    def screenshot(self, path: Path) -> None:
        """The whole page as PNG."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))
