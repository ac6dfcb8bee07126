"""Checks JSON results against the schemas that come with the package."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

import constrained_rcnn

APPS = Path(constrained_rcnn.__file__).parent / "apps"


def check(content: dict, schema: str) -> None:
    """Content must hold to the schema, and must have no key that the schema does not describe.

    Args:
        content: of a JSON file.
        schema: below ``apps``, for instance ``detect/schema/result-1.json``.
    """
    rules = json.loads((APPS / schema).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(rules)
    errors = [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(closed(rules)).iter_errors(content)
    ]
    assert not errors, errors


def closed(rules):
    """The schema without room for more keys: later releases may add some, but no test passes with one untold."""
    if isinstance(rules, list):
        return [closed(rule) for rule in rules]
    if not isinstance(rules, dict):
        return rules
    made = {key: closed(value) for key, value in rules.items()}
    if isinstance(rules.get("properties"), dict) and "additionalProperties" not in rules:
        made["additionalProperties"] = False
    return made
