"""What the JSON API takes and gives, as an OpenAPI 3.1 description; a test holds every answer of the routes to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ... import __version__
from .jobs import COMPARISON, DETECTION, DONE, FAILED, RUNNING, UPLOADING, WAITING
from .limits import Limits

_SCHEMA = Path(__file__).parents[1] / "detect" / "schema" / "result-1.json"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_NAME = {
    "name": "name", "in": "query", "schema": {"type": "string"},
    "description": "What results call the image; of a form its file's name counts.",
}  # fmt: skip
_REFUSED = {"400": "Nothing that could be an image was sent.", "408": "The upload took too long.",
            "413": "The image is too large.", "429": "Too many images are waiting.",
            "507": "There is no room for the upload."}  # fmt: skip
_UNKNOWN = {"404": "No such image."}


def describe(limits: Limits) -> dict[str, Any]:
    """The document, JSON-ready."""
    upload = {
        "required": True,
        "description": f"The image's file, at most {limits.bytes} bytes, as the body or as a form's field.",
        "content": {
            "application/octet-stream": {"schema": {}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {"image": {"type": "string", "contentMediaType": "application/octet-stream"}},
                }
            },
        },
    }
    paths = {
        "/v1/detect": {"post": _operation(
            "detect", "Detects manipulation in an image, and waits for the result.", {"200": _ref("Result")},
            {**_REFUSED, "422": "The file is no image that can be read, or detection failed.",
             "409": "The image was removed meanwhile.", "503": "The server is ending."},
            parameters=[_NAME], requestBody=upload)},
        "/v1/images": {
            "get": _operation("list", "All images of the session.", {"200": _ref("Images")}, {}),
            "post": _operation("queue", "Queues an image for detection.", {"202": _ref("Image")}, _REFUSED,
                               parameters=[_NAME], requestBody=upload)},
        "/v1/images/{id}": {
            "parameters": [_ID],
            "get": _operation("state", "How far an image is.", {"200": _ref("Image")}, _UNKNOWN),
            "delete": _operation("remove", "Cancels what is not done, and removes the image and its files.",
                                 {"204": None}, _UNKNOWN)},
        "/v1/images/{id}/comparison": {
            "parameters": [_ID],
            "post": _operation("compare", "Queues the comparison of an image with another one.",
                               {"202": _ref("Image")}, {**_REFUSED, **_UNKNOWN},
                               parameters=[_NAME], requestBody=upload)},
        "/v1/images/{id}/files/{file}": {
            "parameters": [_ID, {"name": "file", "in": "path", "required": True, "schema": {"type": "string"},
                                 "description": "One of the image's `files`; a slash in it is sent as it is."}],
            "get": _operation("file", "A file of a result.", {"200": "file"}, _UNKNOWN)},
        "/v1/openapi.json": {
            "get": _operation("openapi", "This description.", {"200": {"type": "object"}}, {})},
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "constrained_rcnn",
            "version": __version__,
            "description": "Image manipulation detection. A server that a network reaches needs its token, as a "
            "bearer token or as the cookie that its address with the token sets. Errors are one line.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Result": {"$id": "/v1/result-1.json", **json.loads(_SCHEMA.read_text(encoding="utf-8"))},
                "Image": _image(),
                "Images": _object({"images": {"type": "array", "items": _ref("Image")}}),
                "Error": _object({"error": {"type": "string", "pattern": "^[^\\n]+$"}}),
            },
        },
        "security": [{}, {"token": []}],
    }


def _operation(name: str, summary: str, good: dict, bad: dict[str, str], **more: Any) -> dict[str, Any]:
    bad = {**bad, "401": "The token is missing or wrong.", "403": "The request came from elsewhere."}
    responses = {status: {"description": text, "content": _json(_ref("Error"))} for status, text in bad.items()}
    for status, schema in good.items():
        responses[status] = {"description": summary}
        if schema == "file":
            responses[status]["content"] = {"image/png": {}, "image/jpeg": {}, "text/html": {}, "application/json": {}}
        elif schema is not None:
            responses[status]["content"] = _json(schema)
    return {"operationId": name, "summary": summary, **more, "responses": dict(sorted(responses.items()))}


def _image() -> dict[str, Any]:
    number = {"type": "integer", "minimum": 0}
    return _object({
        "id": {"type": "string", "description": "Nobody can guess it."},
        "kind": {"enum": [DETECTION, COMPARISON]},
        "name": {"type": "string", "description": "What the user calls the file."},
        "state": {"enum": [UPLOADING, WAITING, RUNNING, DONE, FAILED]},
        "status": {"type": "string", "description": "The state in words."},
        "before": {**number, "description": "How many images come first."},
        "done": {**number, "description": "Parts of the running step that are done."},
        "total": {**number, "description": "Parts of the running step; 0: nobody knows."},
        "error": {"type": ["string", "null"], "description": "Why there is no result."},
        "files": {"type": "array", "items": {"type": "string"}, "description": "Of the result."},
    })  # fmt: skip


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _json(schema: dict) -> dict:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
