"""The house: no circle of imports, no crowded folder, and a sentence at each door; import-linter holds the order."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "chainderiv"
MOST_FILES = 22


def name_of(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {name_of(file): file.read_text("utf-8") for file in PACKAGE.rglob("*.py")}
FOLDERS = sorted(file.parent for file in PACKAGE.rglob("__init__.py"))


def imported(source, modules):
    """What a module imports of the package, inside functions and for type checkers alone, too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in modules else node.module for name in names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def arrows(sources):
    # the top hands its names on when they are asked for, and nothing imports it
    return {
        name: {other for other in imported(text, sources) if other in sources and other not in (name, "chainderiv")}
        for name, text in sources.items()
        if name != "chainderiv"
    }


def in_circles(graph):
    """The modules that are left when those that import nothing any more are taken away, again and again."""
    left = {name: set(others) for name, others in graph.items()}
    while free := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in free}
    # and likewise from the other end: what nothing of them imports only leads to a circle
    while free := left.keys() - set().union(*left.values()):
        left = {name: others for name, others in left.items() if name not in free}
    return sorted(left)


def test_no_module_imports_itself_by_way_of_others_function_level_imports_counted():
    assert in_circles(arrows(SOURCES)) == []


def test_a_circle_inside_functions_is_seen():
    sources = {
        "chainderiv.a": "from chainderiv.b import f",
        "chainderiv.b": "from chainderiv import c",
        "chainderiv.c": "def f():\n    from chainderiv.a import g",
        "chainderiv.d": "import chainderiv.a",
    }
    assert in_circles(arrows(sources)) == ["chainderiv.a", "chainderiv.b", "chainderiv.c"]


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_holds_no_more_files_than_can_be_seen_at_a_glance(folder):
    assert len([file for file in folder.glob("*.py") if file.name != "__init__.py"]) <= MOST_FILES


@pytest.mark.parametrize("folder", FOLDERS[1:], ids=name_of)
def test_a_room_says_in_one_sentence_what_lives_there_and_does_nothing(folder):
    tree = ast.parse((folder / "__init__.py").read_text("utf-8"))
    sentence = ast.get_docstring(tree)
    assert len(tree.body) == 1
    assert sentence.endswith(".")
    assert 40 < len(sentence) <= 120
    assert "\n" not in sentence


def test_every_room_has_its_place_in_the_order():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    order = next(c for c in contracts if c["name"] == "each room imports only from rooms below it")["layers"]
    placed = {room.strip() for layer in order for room in layer.split("|")}
    there = {f"chainderiv.{path.stem}" for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert placed == there - {"chainderiv.__init__", "chainderiv.__pycache__"}
