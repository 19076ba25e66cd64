"""The JSON schemas that come along, which may refer to one another by their files' names."""

import json
from pathlib import Path
from urllib.request import urlopen

import pytest

import chainderiv

ROOM = Path(chainderiv.__file__).with_name("commands") / "schemas"
OPEN = {"reproduce", "reproduce.page"}  # they have a key for each experiment


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
