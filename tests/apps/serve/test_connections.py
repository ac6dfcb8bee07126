"""Clients that go away, or send next to nothing, over real connections; the worker is a stand-in."""

from __future__ import annotations

import contextlib
import http.client
import json
from urllib.parse import urlsplit
from urllib.request import urlopen

from constrained_rcnn.apps.serve.limits import Limits
from constrained_rcnn.apps.serve.progress import DETECTING, Progress
from tests.helpers.served import serving, until
from tests.helpers.served_worker import Obedient


def connection(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc)


def images(url: str) -> list[dict]:
    with urlopen(f"{url}v1/images") as answer:
        return json.load(answer)["images"]


def test_a_client_that_goes_away_takes_its_image_along():
    progress = Progress()
    with serving(Obedient(progress), progress) as url:
        client = connection(url)
        client.request("POST", "/v1/detect?name=forever", b"x")
        until(progress.read, lambda told: told == (DETECTING, 3, 12))
        client.close()
        until(lambda: images(url), lambda found: found == [])


def test_uploads_that_do_not_come():
    progress = Progress()
    with serving(Obedient(progress), progress, limits=Limits(upload_seconds=1)) as url:
        for leave in (False, True):
            client = connection(url)
            client.putrequest("POST", "/v1/images")
            client.putheader("Content-Length", "10")
            client.endheaders(b"x")
            if leave:
                client.close()
            else:
                answer = client.getresponse()
                assert answer.status == 408 and "1 seconds" in json.load(answer)["error"]
            until(lambda: images(url), lambda found: found == [])


def test_what_was_done_is_kept_and_nothing_else(tmp_path):
    progress = Progress()
    with serving(Obedient(progress), progress, keep=str(tmp_path / "kept")) as url:
        for name in ("one", "bad", "forever"):
            with contextlib.closing(connection(url)) as client:
                client.request("POST", f"/v1/images?name={name}", b"x")
                assert client.getresponse().status == 202
        until(progress.read, lambda told: told == (DETECTING, 3, 12))
        done, failed, running = images(url)
        assert (done["state"], failed["state"], running["state"]) == ("done", "failed", "running")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == sorted([done["id"], failed["id"]])
