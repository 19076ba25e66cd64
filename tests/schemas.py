"""The JSON schemas that come along, which may refer to one another by their files' names."""

import json
from pathlib import Path
from urllib.request import urlopen

import pytest

import chainderiv

ROOM = Path(chainderiv.__file__).with_name("commands") / "schemas"
OPEN = {"reproduce", "reproduce.page"}  # they have a key for each experiment
# below the top, where keys are names of parameters, axes, equations, …, or one of them is not always there
FREE = {
    "advise": {"paste"},
    "bounds": {"certainty"},
    "derive": {"at", "equations", "matrix"},
    "map": {"maps/0", "maps/0/axes", "maps/0/fixed"},
    "phase": {"axes", "shares"},
    "train": {"settings", "settings/activation_described", "settings/output_described"},
    "verify": {"worst_point"},
}


def schema_of(name):
    return json.loads((ROOM / f"{name}.schema.json").read_text("utf-8"))


def judge(name):
    jsonschema = pytest.importorskip("jsonschema")
    from referencing import Registry, Resource

    def read(uri):
        with urlopen(uri) as file:
            return Resource.from_contents(json.load(file))

    schema = schema_of(name) | {"$id": (ROOM / f"{name}.schema.json").as_uri()}
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, registry=Registry(retrieve=read))


def require(name, content):
    """Fail where content is not of the schema, or would still be with a key less, or with one more."""
    judged = judge(name)
    assert [f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in judged.iter_errors(content)] == []
    for key in schema_of(name).get("required", []):
        assert not judged.is_valid({other: value for other, value in content.items() if other != key}), key
    assert judged.is_valid(content | {"surprise": {}}) == (name in OPEN)


def free_inside(name, content):
    """Below the top, the objects that would still be of the schema with a key less, or with one more."""
    judged = judge(name)

    def free(where, inside):
        others = [{key: value for key, value in inside.items() if key != left} for left in inside]
        return any(judged.is_valid(_with(content, where, other)) for other in [*others, inside | {"surprise": {}}])

    return {"/".join(map(str, where)) for where, inside in _objects(content) if where and free(where, inside)}


def _objects(value, where=()):
    """Every object and its place, of lists those in the first item."""
    if isinstance(value, dict):
        yield where, value
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, one in inside:
        yield from _objects(one, (*where, key))


def _with(value, where, other):
    """The value with another one in a place."""
    if not where:
        return other
    key, *rest = where
    changed = value.copy()
    changed[key] = _with(value[key], rest, other)
    return changed
