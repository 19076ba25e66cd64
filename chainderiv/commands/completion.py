"""chainderiv completion: a script for bash, zsh or fish, made from the commands' own parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from chainderiv.commands import common
from chainderiv.commands.shells import SCRIPTS, Command, Option
from chainderiv.errors import unknown_name

PLACES = {"FILE": "file", "DIR": "folder"}  # by what stands for the value in the help


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        'example: chainderiv completion bash\n\nin ~/.bashrc: eval "$(chainderiv completion bash)"\n'
        'in ~/.zshrc, behind compinit: eval "$(chainderiv completion zsh)"\n'
        "fish: chainderiv completion fish > ~/.config/fish/completions/chainderiv.fish"
    )
    parser.add_argument("shell", metavar="SHELL", help=", ".join(SCRIPTS))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    if options.shell not in SCRIPTS:
        raise unknown_name("shell", options.shell, SCRIPTS)
    common.say(SCRIPTS[options.shell]([_command(name) for name in common.COMMANDS]))
    return 0


def _command(name: str) -> Command:
    parser = argparse.ArgumentParser(prog=name)
    common.command(name).declare(parser)
    return Command(name, common.COMMANDS[name], tuple(_option(name, action) for action in parser._actions))


def _option(command: str, action: argparse.Action) -> Option:
    takes = action.nargs != 0
    place = PLACES.get(str(action.metavar), "file" if action.dest == "dataset" else "")
    names = tuple(_names(command).get(action.dest, ())) if takes else ()
    about = " ".join((action.help or "").split())
    return Option(tuple(action.option_strings), about, takes, names, place)


def _names(command: str) -> dict[str, Iterable[str]]:
    """What may stand behind an option, from the tables that the commands themselves look into."""
    from chainderiv.commands.map import QUANTITIES
    from chainderiv.commands.phase import QUANTITIES as OF_PHASES
    from chainderiv.experiments.catalogue import REPRODUCTIONS
    from chainderiv.functions.cost import COSTS
    from chainderiv.functions.lookup import names_known
    from chainderiv.nn.data.data import LOADERS
    from chainderiv.nn.initialise import INITIALISERS
    from chainderiv.nn.training.engines import ENGINES
    from chainderiv.nn.training.schedules import SCHEDULES
    from chainderiv.symbolic.style import FORMS_OF_A_PRODUCT
    from chainderiv.symbolic.targets import TARGETS

    neurons = names_known()
    wide = command in ("train", "diagnose")  # a chain takes neither softmax nor its cost
    return {
        "activation": neurons,
        "cost": COSTS if wide else [name for name, cost in COSTS.items() if not cost.softmax],
        "dataset": LOADERS,
        "dtype": ("float32", "float64"),
        "engine": ENGINES,
        "form": FORMS_OF_A_PRODUCT,
        "init": INITIALISERS,
        "name": neurons,
        "only": [name for each in REPRODUCTIONS.values() for name in each.experiments],
        "output": [*neurons, "softmax"] if wide else neurons,
        "quantity": OF_PHASES if command == "phase" else QUANTITIES,
        "schedule": SCHEDULES,
        "shell": SCRIPTS,
        "source": REPRODUCTIONS,
        "to": TARGETS,
    }
