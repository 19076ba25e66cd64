"""chainderiv completion: what three shells offer is what the commands take, asked of the shells themselves."""

import argparse
import re
import shutil
import subprocess
from functools import cache

import pytest

import chainderiv as cd
from chainderiv.cli import COMMANDS, main
from chainderiv.commands import derive as derive_command

SHELLS = ["bash", "zsh", "fish"]


@cache
def script(shell):
    import io
    from contextlib import redirect_stdout

    with redirect_stdout(io.StringIO()) as out:
        assert main(["completion", shell]) == 0
    return out.getvalue()


def asked(shell, program, tmp_path):
    """What a shell prints that runs a program."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} is installed")
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [shell, *flags, "-c", program], capture_output=True, text=True, timeout=300, check=True, cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def offered(text, lines, tmp_path):
    """What bash offers behind each line, whose words are set apart by blanks, the last perhaps empty."""
    ask = 'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _chainderiv; printf "%s\\n" "${COMPREPLY[@]}"; echo --; }'
    calls = [" ".join(["ask", *(f"'{word}'" for word in line.split(" "))]) for line in lines]
    parts = asked("bash", "\n".join([text, ask, *calls]), tmp_path).split("--\n")[:-1]
    assert len(parts) == len(lines)
    return [[word for word in part.splitlines() if word] for part in parts]


@pytest.fixture(scope="module")
def bash_script():
    return script("bash")


def test_bash_offers_every_command(bash_script, tmp_path):
    (every, begun) = offered(bash_script, ["chainderiv ", "chainderiv de"], tmp_path)
    assert every == [*COMMANDS, "--help", "--version"]
    assert begun == ["derive"]


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_offers_every_flag_that_the_help_names_and_no_other(command, bash_script, tmp_path, capsys):
    assert main([command, "--help"]) == 0
    described = re.findall(r"^  (-.*?)(?:  |$)", capsys.readouterr().out, re.MULTILINE)
    flags = {flag for text in described for flag in re.findall(r"(?<!\S)-{1,2}[a-z][a-z-]*", text)}
    assert "--help" in flags
    (got,) = offered(bash_script, [f"chainderiv {command} -"], tmp_path)
    assert set(got) == flags
    assert len(got) == len(flags)


def test_every_name_that_bash_offers_is_taken(bash_script, tmp_path):
    behind = [
        "derive --activation",
        "derive --cost",
        "derive --to",
        "train --init",
        "train --schedule",
        "map --quantity",
        "derive --form",
    ]
    lines = [f"chainderiv {one} " for one in behind] + ["chainderiv bounds ", "chainderiv reproduce nielsen5 --only "]
    neurons, costs, targets, starts, schedules, quantities, forms, bounded, experiments = offered(
        bash_script, lines, tmp_path
    )
    assert set(cd.ACTIVATIONS) <= set(neurons)
    assert set(neurons) == {name for name in bounded if not name.startswith("-")}
    for name in neurons:
        assert cd.Chain(2, name).activation(1).name == name
    for name in costs:
        assert cd.Chain(2, cost=name).cost.name == name
    for name in targets:
        assert cd.derive(cd.Chain(2), "b1").to(name)
    assert "product" in forms
    for name in forms:
        assert cd.derive(cd.Chain(2), "b1").to("latex", form=name)
    for name in quantities:
        assert cd.quantity_at(name, 3)
    named = [name for each in cd.REPRODUCTIONS.values() for name in each.experiments]
    assert (starts, schedules, experiments) == (list(cd.INITIALISERS), list(cd.SCHEDULES), named)


def test_a_chain_is_offered_no_softmax_and_a_training_is(bash_script, tmp_path):
    lines = ["chainderiv derive --output softm", "chainderiv train --output softm", "chainderiv derive --output soft",
             "chainderiv derive --cost l", "chainderiv train --cost l"]  # fmt: skip
    chain, trained, soft, of_chain, of_training = offered(bash_script, lines, tmp_path)
    assert (chain, trained, of_chain, of_training) == ([], ["softmax"], [], ["log_likelihood"])
    assert {"softplus", "softsign"} <= set(soft)


def test_a_value_behind_an_equals_sign_is_offered_as_one_behind_a_blank(bash_script, tmp_path):
    lines = ["chainderiv map --cost qu", "chainderiv map --cost = qu", "chainderiv map --cost = "]
    assert offered(bash_script, lines, tmp_path) == [["quadratic"], ["quadratic"], ["quadratic", "cross_entropy"]]


def test_files_are_offered_for_a_file_and_folders_for_a_folder_and_nothing_for_a_number(bash_script, tmp_path):
    (tmp_path / "my map.png").touch()
    (tmp_path / "my data").mkdir()
    lines = [
        "chainderiv map --out my",
        "chainderiv train --data m",
        "chainderiv train --dataset my",
        "chainderiv map --depth ",
    ]
    got = offered(bash_script, lines, tmp_path)
    assert [sorted(one) for one in got] == [["my data", "my map.png"], ["my data"], ["my data", "my map.png"], []]


def test_what_stands_without_a_flag_may_be_a_file(bash_script, tmp_path):
    (tmp_path / "my model.onnx").touch()
    (tmp_path / "more").mkdir()
    lines = ["chainderiv diagnose ", "chainderiv diagnose m", "chainderiv diagnose --", "chainderiv bounds m"]
    every, begun, flags, names = offered(bash_script, lines, tmp_path)
    assert {"my model.onnx", "more", "--data"} <= set(every)
    assert sorted(begun) == ["more", "my model.onnx"]
    assert not {"my model.onnx", "more"} & {*flags, *names}
    assert re.search(r"diagnose\) _arguments .*1:value:_files'", script("zsh"))
    assert re.search(r"from diagnose' -F$", script("fish"), re.MULTILINE)


def test_a_flag_that_a_command_gains_is_offered(monkeypatch, tmp_path):
    stated = derive_command.declare

    def more(parser: argparse.ArgumentParser) -> None:
        stated(parser)
        parser.add_argument("--quite-new", help="it's [new]: and more")

    monkeypatch.setattr(derive_command, "declare", more)
    anew = script.__wrapped__
    assert offered(anew("bash"), ["chainderiv derive --q"], tmp_path) == [["--quite-new"]]
    for shell in ("zsh", "fish"):
        assert "quite-new" in anew(shell)


def test_fish_offers_what_bash_does(bash_script, tmp_path):
    lines = ["chainderiv ", "chainderiv derive --", "chainderiv map --activation s", "chainderiv bounds g",
             "chainderiv derive --to "]  # fmt: skip
    ask = [f"complete -C '{line}'; echo =====" for line in lines]
    parts = asked("fish", "\n".join([script("fish"), *ask]), tmp_path).split("=====\n")[:-1]
    got = [sorted({line.split("\t")[0] for line in part.splitlines()}) for part in parts]
    want = [sorted({word for word in one if word not in ("--help", "--version")})
            for one in offered(bash_script, lines, tmp_path)]  # fmt: skip
    assert [[word for word in one if word != "--help"] for one in got] == want


def test_zsh_is_told_what_bash_offers(tmp_path, bash_script):
    fakes = (
        "compdef() { }\n_arguments() { print -rl -- $@ }\n_describe() { print -rl -- ${(P)2} }\n"
        "ask() { words=(chainderiv $@); CURRENT=$((${#words} + 1)); _chainderiv; print -- +++++ }\n"
    )
    calls = "\n".join(["ask", *(f"ask {command}" for command in COMMANDS)])
    first, *others = asked("zsh", "\n".join([fakes, script("zsh"), calls]), tmp_path).split("+++++\n")[:-1]
    assert [line.partition(":")[0] for line in first.splitlines()] == list(COMMANDS)
    for command, told in zip(COMMANDS, others, strict=True):
        flags = {line[1:].partition("[")[0] for line in told.splitlines() if line.startswith("*")}
        assert flags == set(offered(bash_script, [f"chainderiv {command} -"], tmp_path)[0])
    assert ":value:(quadratic cross_entropy)" in others[list(COMMANDS).index("derive")]
    assert r"factor\:3" in others[list(COMMANDS).index("map")]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_script_is_read_by_its_shell_without_a_fault(shell, tmp_path):
    stub = "compdef() { }\n" if shell == "zsh" else ""
    assert asked(shell, stub + script(shell), tmp_path) == ""


def test_an_unknown_shell_is_refused(capsys):
    assert main(["completion", "tcsh"]) == 2
    assert "shell 'tcsh' is unknown" in capsys.readouterr().err
