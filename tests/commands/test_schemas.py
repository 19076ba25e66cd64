"""What --json prints is of the schema that comes along, and the schemas refuse what is not."""

import json

import pytest

from chainderiv.cli import COMMANDS, main
from tests.kinds import slow
from tests.schemas import FREE, OPEN, ROOM, free_inside, judge, require

pytest.importorskip("jsonschema")

WITHOUT = {"completion", "diagnose"}  # the one prints no result, the other's is the room models'
CASES = [
    "derive --depth 3",
    "derive --depth 3 --at w=100,z=0 --steps",
    "derive --depth 600 --at w=0.9,b=0.1",
    "derive --depth 3 --to latex --activation relu --output sigmoid --cost cross_entropy",
    "derive --depth 3 --wrt b1,w2 --at w=1,b=0",
    "derive --depth 4 --compare b1 b3",
    "derive --layers 4,3,2 --steps",
    "bounds sigmoid --w 8",
    "bounds relu --audit",
    "bounds snake --w 3",
    "bounds prelu --w 0",
    "verify --depth 3 --wrt b1 --points 3",
    "verify --depth 24 --wrt b1 --points 3 --activation relu",
    "map --depth 3 --w -2:2:3 --b -1:1:2",
    "map --depth 1 --w -2:2:3 --b 0 --activation tanh --activation relu",
    "predict --dataset digits --layers 64,10,10,10",
    "advise --activation tanh --depth 20 --width 30",
    "advise --activation gelu --depth 3 --width 10",
    "advise --activation relu2 --depth 50 --width 30",
    "phase --activation tanh --sigma-w 1:2:3 --sigma-b 0:1:2",
    "phase --activation relu --at sigma_w=1.5,sigma_b=0.2",
    "train --dataset digits --layers 64,4,10 --epochs 1",
    slow("explore --no-open --activation z*exp(-z**2)"),
    slow("tour"),
    slow("reproduce meanfield --quick --only slopes"),
]


def test_every_command_with_a_result_and_every_page_has_a_schema_that_is_one():
    there = {one.name.removesuffix(".schema.json") for one in ROOM.iterdir()}
    pages = {one for one in there if one.endswith(".page")}
    assert pages == {f"{command}.page" for command in ("map", "phase", "train", "diagnose", "tour", "reproduce")}
    assert there - pages == set(COMMANDS) - WITHOUT
    for one in there:
        judge(one)


@pytest.mark.parametrize("case", CASES)
def test_what_is_printed_is_of_its_schema_and_no_key_less(case, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command, *rest = case.split()
    assert main([command, *rest, "--json"]) in (0, 3)
    streams = capsys.readouterr()
    printed = json.loads(streams.out)
    require(command, printed)
    if command not in OPEN:
        assert free_inside(command, printed) <= FREE.get(command, set())
    assert "\x1b" not in streams.out + streams.err


def test_an_object_that_takes_any_key_is_seen(capsys):
    assert main(["derive", "--depth", "3", "--at", "w=100,z=0", "--json"]) == 0
    assert free_inside("derive", json.loads(capsys.readouterr().out)) == {"at"}
