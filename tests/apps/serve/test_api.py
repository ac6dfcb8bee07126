"""The JSON API, each answer held to the description that the API gives of itself; the worker is a stand-in."""

from __future__ import annotations

import re

import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route
from starlette.testclient import TestClient

from constrained_rcnn.apps.serve.openapi import describe
from constrained_rcnn.apps.serve.uploads import label_of
from tests.helpers.schemas import closed
from tests.helpers.served import app_of, obedient_api, resolve, until

HOME, BYTES = "http://127.0.0.1:8000", 1000
PAGE = {"/", "/favicon.ico", "/static/{file}", "/results/{id}"}


class Described(TestClient):
    """A client that checks each answer of the API against the description."""

    def __init__(self, api):
        super().__init__(app_of(api), base_url=HOME)
        self.description = describe(api.limits)

    def request(self, method, url, **options):
        answer = super().request(method, url, **options)
        path = str(url).partition("?")[0]
        for template, operations in self.description["paths"].items():
            if re.fullmatch(re.sub(r"\{file\}", ".*", re.sub(r"\{id\}", "[^/]+", template)), path):
                self._check(operations[method.lower()]["responses"], answer)
                break
        else:
            raise AssertionError(f"{path} is not described")
        return answer

    def _check(self, responses: dict, answer) -> None:
        content = responses[str(answer.status_code)].get("content")
        if content is None:
            assert answer.content == b""
            return
        kind = answer.headers["Content-Type"].partition(";")[0]
        schema = content[kind].get("schema")
        if schema is not None:
            # A stand-in's result has no more than the page reads; of real ones test_session.py checks all.
            if "Result" not in schema.get("$ref", ""):
                Draft202012Validator(closed(resolve(self.description, schema))).validate(answer.json())


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with obedient_api(tmp_path_factory.mktemp("session"), bytes=BYTES, waiting=3) as api:
        yield api


@pytest.fixture
def client(api):
    return Described(api)


def test_the_description_names_every_route_and_no_other(client, api):
    description = client.get("/v1/openapi.json").json()
    assert description == client.description and description["openapi"] == "3.1.0"
    described = {
        (path, method.upper())
        for path, operations in description["paths"].items()
        for method in operations
        if method != "parameters"
    }
    routes = [route for route in app_of(api).routes if isinstance(route, Route) and route.path not in PAGE]
    there = {(route.path.replace(":path", ""), method) for route in routes for method in route.methods - {"HEAD"}}
    assert described == there
    for schema in description["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    identifiers = [
        operation["operationId"] for path in description["paths"].values() for name, operation in path.items()
        if name != "parameters"
    ]  # fmt: skip
    assert len(set(identifiers)) == len(identifiers) == len(described)
    for path, operations in description["paths"].items():
        named = set(re.findall(r"\{(\w+)\}", path))
        assert named == {one["name"] for one in operations.get("parameters", ()) if one["in"] == "path"}


@pytest.mark.parametrize(
    "options, name",
    [
        ({"content": b"here"}, "image"),
        ({"content": b"here", "params": {"name": "a.PNG"}}, "a.PNG"),
        ({"content": b"here", "params": {"name": "C:\\fakepath\\b.jpg"}}, "b.jpg"),
        ({"content": b"here", "params": {"name": "../../etc/passwd"}}, "passwd"),
        ({"content": iter([b"he", b"re"])}, "image"),
        ({"files": {"image": ("../c\n.tif", b"here", "image/tiff")}, "data": {"more": "x"}}, "c%0A.tif"),
    ],
)
def test_an_upload_in_any_form(client, api, options, name):
    answer = client.post("/v1/detect", **options)
    assert answer.status_code == 200, answer.text
    found = client.get(answer.headers["Location"]).json()
    assert found["name"] == name and answer.json()["content"] == "here"
    assert answer.json()["file"] in ("image", "image.png", "image.jpg", "image.tif")  # a name of our own
    assert found["files"] == ["image.json"] and found["status"] == "said, score 0.50"


def test_images_are_queued_listed_fetched_and_removed(client, api):
    answer = client.post("/v1/images", params={"name": "a.png"}, content=b"x")
    assert answer.status_code == 202
    place = f"/v1/images/{answer.json()['id']}"
    until(lambda: client.get(place).json()["state"], lambda state: state == "done")
    assert client.get(f"{place}/files/image.json").json() == {}
    for name in ("image.png", "../image.json", "%2e%2e/x", "", "image.json/", "/etc/passwd"):
        assert client.get(f"{place}/files/{name}").status_code == 404
    assert place.rpartition("/")[2] in [image["id"] for image in client.get("/v1/images").json()["images"]]
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == client.delete(place).status_code == 404
    assert client.get(f"{place}/files/image.json").status_code == 404


def test_a_second_image_is_compared_with_the_first(client, api):
    first = client.post("/v1/images", params={"name": "bad"}, content=b"x").json()
    answer = client.post(f"/v1/images/{first['id']}/comparison", params={"name": "bad"}, content=b"y")
    assert answer.status_code == 202 and answer.json()["kind"] == "comparison"
    job = api.jobs.get(answer.json()["id"])
    assert job.other is api.jobs.get(first["id"])
    until(lambda: job.ended)
    assert client.post("/v1/images/none/comparison", content=b"y").status_code == 404


@pytest.mark.parametrize(
    "options, status, line",
    [
        ({"content": b""}, 400, "no content"),
        ({"content": b"x" * (BYTES + 1)}, 413, f"larger than {BYTES} bytes"),
        ({"content": iter([b"x" * BYTES, b"x"])}, 413, f"larger than {BYTES} bytes"),
        ({"content": b"x", "headers": {"Content-Length": "99999999999"}}, 413, "larger"),
        ({"content": b"x", "headers": {"Content-Length": "-1"}}, 413, "larger"),
        ({"files": {"image": ("a", b"x" * (BYTES + 1))}}, 413, "larger"),
        ({"files": {"image": ("a", b"x" * 100_000)}}, 413, "larger"),
        ({"files": {"image": ("a", b"")}}, 400, "empty"),
        ({"files": [("image", ("a", b"x")), ("image", ("b", b"x"))]}, 400, "Too many files"),
        ({"data": {"a": "b"}, "files": {}, "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary"),
        ({"content": b"--b\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400, "no file"),
        ({"content": b"x", "params": {"name": "bad"}}, 422, "not an image"),
        ({"content": b"x", "params": {"name": "dies"}}, 422, "worker process ended"),
    ],
)
def test_what_is_refused_in_one_line(client, api, options, status, line):
    before = {path.name for path in api.jobs._folder.iterdir()}
    answer = client.post("/v1/detect", **options)
    assert answer.status_code == status and line in answer.json()["error"], answer.text
    assert {path.name for path in api.jobs._folder.iterdir()} == before


def test_a_full_queue_and_what_is_removed_while_a_client_waits(client, api):
    running = client.post("/v1/images", params={"name": "forever"}, content=b"x").json()
    place = f"/v1/images/{running['id']}"
    until(lambda: client.get(place).json(), lambda image: (image["done"], image["total"]) == (3, 12))
    assert client.get(place).json()["status"] == "detecting, 3 of 12"
    waiting = [client.post("/v1/images", content=b"x").json() for _ in range(3)]
    assert [image["status"] for image in waiting] == [f"waiting, {n} before it" for n in (1, 2, 3)]
    answer = client.post("/v1/detect", content=b"x")
    assert answer.status_code == 429 and answer.headers["Retry-After"] and "3 images" in answer.json()["error"]
    for image in (running, *waiting):
        assert client.delete(f"/v1/images/{image['id']}").status_code == 204


def test_names_are_one_short_line(api):
    assert label_of("", api.limits) == label_of("/", api.limits) == "image"
    assert label_of("a\nb\u202e.png", api.limits) == "a\\nb\\u202e.png"
    assert len(label_of("x" * 500, api.limits)) == api.limits.names
