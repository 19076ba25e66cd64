"""Every test asserts something: one that cannot fail is found here, and is found where it is planted."""

import ast
from functools import cache
from pathlib import Path

import pytest

FAILING = {"assert", "raises", "warns", "fail"}  # the last three are pytest's


@cache
def made(tree):
    """The functions of a module, and its classes, which assert by their methods."""
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]


@cache
def called(node):
    """The names of the functions that are called in a piece of code, without what they belong to; 'assert' as well."""
    names = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Assert):
            names.add("assert")
        elif isinstance(each, ast.Call):
            names.add(each.func.attr if isinstance(each.func, ast.Attribute) else getattr(each.func, "id", ""))
    return names


def asserts(node):
    """Whether it asserts by itself: an assertion of its own, NumPy's, or one of pytest's blocks."""
    return any(name in FAILING or name.startswith("assert_") for name in called(node))


def helpers(trees):
    """The names of what asserts in the place of the test that calls it."""
    others = [node for tree in trees for node in made(tree) if not node.name.startswith("test_")]
    found = {node.name for node in others if asserts(node)}
    while more := {node.name for node in others if called(node) & found} - found:
        found |= more
    return found


def without(trees):
    """The names of the tests in which nothing can fail but what they call."""
    helping = helpers(trees)
    tests = [node for tree in trees for node in made(tree) if node.name.startswith("test_")]
    return [test.name for test in tests if not asserts(test) and not called(test) & helping]


def test_every_test_asserts_something():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(__file__).parent.rglob("*.py")]
    assert sum(node.name.startswith("test_") for tree in trees for node in made(tree)) > 1000
    assert without(trees) == []


HELD = """
def holds(x):
    assert x
def holds_too(x):
    holds(x)
"""


@pytest.mark.parametrize(("body", "found"), [
    ("assert made()", False), ("np.testing.assert_allclose(a, b)", False), ("holds_too(made())", False),
    ("with pytest.raises(ValueError):\n        made()", False), ("made()", True), ("np.allclose(a, b)", True),
    ("made() == 3", True), ("print(made())", True),
])  # fmt: skip
def test_a_test_that_drops_its_result_is_found(body, found):
    trees = [ast.parse(HELD), ast.parse(f"def test_planted():\n    {body}\n")]
    assert without(trees) == (["test_planted"] if found else [])
