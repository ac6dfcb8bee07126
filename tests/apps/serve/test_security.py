"""Who is let in: every refusal comes before a route sees the request."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from constrained_rcnn.apps.serve.security import Hosts, is_local
from constrained_rcnn.apps.serve.server import address_of
from tests.helpers.served import app_of, obedient_api

HOME = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with obedient_api(tmp_path_factory.mktemp("session")) as api:
        yield api


@pytest.fixture
def client(api):
    return TestClient(app_of(api), base_url=HOME)


@pytest.mark.parametrize(
    "host, allowed",
    [
        ("127.0.0.1:8000", True), ("localhost:9000", True), ("LOCALHOST", True), ("localhost.", True),
        ("[::1]:8000", True), ("127.0.0.2", True), ("evil.example", False), ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False), ("192.168.0.7", False), ("", False), ("[", False), ("@127.0.0.1@x", False),
        ("2130706433", False),
    ],
)  # fmt: skip
def test_a_name_that_is_pointed_here_is_refused(client, host, allowed):
    answer = client.get("/v1/images", headers={"Host": host})
    assert answer.status_code == (200 if allowed else 403)
    assert allowed or "not called by that name" in answer.json()["error"]


def test_on_all_addresses_numbers_and_allowed_names_are_taken():
    hosts = Hosts("0.0.0.0", ["Photos.Example"])
    assert all(map(hosts.allow, ("192.168.0.7:8000", "[fe80::1]", "photos.example:80", "localhost")))
    assert not hosts.allow("evil.example")


@pytest.mark.parametrize(
    "headers, allowed",
    [
        ({}, True),
        ({"Origin": HOME}, True),
        ({"Origin": HOME, "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://127.0.0.1:8001"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, False),
    ],
)
def test_requests_of_other_sites_are_refused(client, api, headers, allowed):
    before = len(api.jobs.all())
    for method, path in (("POST", "/v1/images"), ("POST", "/v1/detect")):
        answer = client.request(method, path, content=b"x", headers=headers)
        assert (answer.status_code < 300) is allowed, answer.text
    assert len(api.jobs.all()) == before + 2 * allowed
    job = api.jobs.add("detection", "x")
    assert client.delete(f"/v1/images/{job.id}", headers=headers).status_code == (204 if allowed else 403)


def test_a_link_from_elsewhere_leads_to_the_page_and_to_nothing_else(client):
    away = {"Sec-Fetch-Site": "cross-site"}
    link = {**away, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/", headers=link).status_code == 200
    assert client.get("/v1/images", headers={**away, "Sec-Fetch-Mode": "no-cors"}).status_code == 403
    assert client.get("/", headers={**link, "Sec-Fetch-Dest": "iframe"}).status_code == 403


def test_every_answer_has_the_headers(client):
    answers = [
        client.get("/"), client.get("/static/serve.js"), client.get("/v1/images"), client.get("/no/such"),
        client.get("/v1/images", headers={"Host": "evil.example"}), client.put("/v1/images"),
        client.get("/static/..%2fapp.py"), client.options("/v1/images"),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 403, 405, 404, 405]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'") and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and ("script-src 'self'" in policy) is (answer is answers[0])
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_an_error_that_nobody_foresaw_is_one_line(api, monkeypatch):
    def fail():
        raise RuntimeError("first line\nsecond line")

    client = TestClient(app_of(api), base_url=HOME, raise_server_exceptions=False)
    monkeypatch.setattr(api.jobs, "all", fail)
    answer = client.get("/v1/images")
    assert answer.status_code == 500 and answer.headers["X-Frame-Options"] == "DENY"
    assert "\n" not in answer.json()["error"] and "report it" in answer.json()["error"]


def test_the_token_opens_the_page_once_and_for_all(api):
    client = TestClient(app_of(api, token="secret", port=8000), base_url=HOME, follow_redirects=False)
    for path in ("/", "/?token=", "/?token=other", "/?token=secre", "/static/serve.js", "/v1/images?token=secret"):
        answer = client.get(path)
        assert answer.status_code == 401 and "printed" in answer.text and answer.headers["WWW-Authenticate"] == "Bearer"
    assert client.post("/v1/images", content=b"x").status_code == 401
    assert client.post("/?token=secret").status_code == 401
    answer = client.get("/?token=secret")
    assert answer.status_code == 303 and answer.headers["Location"] == "/"  # the address bar forgets it
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert client.get("/").status_code == client.get("/v1/images").status_code == 200


def test_programs_send_the_token_themselves(api):
    client = TestClient(app_of(api, token="secret"), base_url=HOME)
    for header, status in (("Bearer secret", 200), ("bearer secret", 200), ("Bearer other", 401), ("Basic secret", 401),
                           ("Bearer ", 401), ("Bearer s\xe9cret", 401)):  # fmt: skip
        answer = client.get("/v1/images", headers={"Authorization": header.encode("latin-1")})
        assert answer.status_code == status


def test_which_addresses_are_local():
    assert all(map(is_local, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_local, ("0.0.0.0", "::", "192.168.0.7", "photos.example")))


def test_the_address_that_is_printed():
    assert address_of("127.0.0.1", 8000, "") == "http://127.0.0.1:8000/"
    assert address_of("0.0.0.0", 80, "t") == "http://127.0.0.1:80/?token=t"
    assert address_of("fe80::1", 80, "") == "http://[fe80::1]:80/"
