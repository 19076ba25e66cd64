"""What stands at the top of chainderiv is the whole of what is public, and the reference documents it."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections import Counter
from pathlib import Path

import pytest

import chainderiv

REFERENCE = (Path(__file__).parent.parent / "docs" / "api.md").read_text("utf-8")
PAGES = [page for folder in ("", "docs") for page in Path(__file__).parent.parent.joinpath(folder).glob("*.md")]
MODULES = {module.name for module in pkgutil.iter_modules(chainderiv.__path__)}
PRIVATE = MODULES - {"errors"}
PUBLIC = [name for name in chainderiv.__all__ if name != "errors"]
UNRUN = {"cluster"}  # an example would need a scheduler
DATA = {"ACTIVATIONS", "COSTS", "EXPERIMENTS", "INITIALISERS", "REPRODUCTIONS", "SCHEDULES", "__version__"} | {*"ayz"}


def documented(page):
    """The objects that a page documents, as they are named there."""
    return re.findall(r"^ *\.\. (?:auto\w+|py:\w+):: ([\w.]+)", page, re.MULTILINE)


def told_to_type_checkers(source):
    """name -> module of every import under `if TYPE_CHECKING`, each by the same name."""
    (block,) = (n for n in ast.parse(source).body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    found = {}
    for statement in block.body:
        for one in statement.names:
            assert one.name == one.asname, one.name
            found[one.name] = statement.module
    return found


def deep_paths(text):
    """The paths by which a text leads a user below the top."""
    return [path for path in re.findall(r"chainderiv\.(\w+(?:\.\w+)*)", text) if path.split(".")[0] in PRIVATE]


def docstrings(thing):
    """Its own and, of a class, those of what it defines."""
    members = [m for n, m in vars(thing).items() if not n.startswith("__")] if inspect.isclass(thing) else []
    return [inspect.getdoc(one) or "" for one in (thing, *members)]


def test_type_checkers_are_told_the_names_that_load():
    told = told_to_type_checkers(inspect.getsource(chainderiv))
    assert told.pop("errors") == "chainderiv"
    assert told == {name: f"chainderiv.{home}" for name, home in chainderiv._HOMES.items()}


def test_every_public_name_is_in_the_reference_once_and_nothing_else_is():
    assert Counter(documented(REFERENCE)) == {f"chainderiv.{name}": 1 for name in chainderiv.__all__}


def test_no_public_name_is_a_submodules_but_the_errors():
    assert MODULES & set(chainderiv.__all__) == {"errors"}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_name_stands_for_no_module_when_every_room_is_loaded(name):
    for home in chainderiv._HOMES.values():
        importlib.import_module(f"chainderiv.{home}")
    assert getattr(chainderiv, name) is not None
    assert not inspect.ismodule(getattr(chainderiv, name))


def test_the_errors_are_the_module_that_is_published():
    assert chainderiv.errors is importlib.import_module("chainderiv.errors")


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in UNRUN | DATA])
def test_what_is_public_has_an_example(name):
    assert ">>>" in inspect.getdoc(getattr(chainderiv, name))


@pytest.mark.parametrize("name", PUBLIC)
def test_no_public_docstring_leads_below_the_top(name):
    thing = getattr(chainderiv, name)
    assert not [path for text in docstrings(thing) for path in deep_paths(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_leads_below_the_top(page):
    assert not deep_paths(page.read_text("utf-8"))


def test_a_path_below_the_top_is_seen():
    assert deep_paths("from chainderiv.maps.axis import Axis") == ["maps.axis"]
    assert deep_paths("an expression in `chainderiv.symbols.z`") == ["symbols.z"]
    assert not deep_paths("from chainderiv.errors import BadValue; chainderiv.errors.BadValue; chainderiv.z")
