"""What the commands share: options that recur, output that any terminal takes, progress on stderr."""

from __future__ import annotations

import argparse
import importlib
import json
import math
import re
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from chainderiv.errors import BadValue
from chainderiv.shown import Shown
from chainderiv.wording import lowered

if TYPE_CHECKING:
    from chainderiv.functions.activation import Activation
    from chainderiv.logsign import LogSign
    from chainderiv.shown import Shows
    from chainderiv.symbolic.chain import Chain

_WORDS = "∂=d σ=sigmoid φ=phi δ=delta κ=kappa ε=eps η=eta λ=lambda Δ=D ·=* ×=x ≤=<= −=- —=- …=... ⋯=... ‖=| ²=^2"
_DIGITS = {lowered(digit): digit for digit in "0123456789"}
_ASCII = str.maketrans({pair[0]: pair[2:] for pair in _WORDS.split()} | _DIGITS)

_AS_PYTHON = r"(?<![-\w.])([a-z_]+)=(?:'([^' ]*)'|(?![\w('\"=]))"  # name='value', or name= and no value

COMMANDS = {
    "derive": "print a chain's gradient as a product of factors",
    "map": "map where a chain's gradient vanishes and explodes",
    "bounds": "bound an activation's derivative, and say which weights can amplify",
    "phase": "tell where wide random layers vanish and explode, and which sigma_w is critical",
    "predict": "predict each layer's gradient in random networks, and how far seeds scatter",
    "advise": "advise an initialisation for a depth and a width, with lines to paste",
    "diagnose": "say where a model's gradient vanishes or explodes, why, and what cures it",
    "verify": "check symbolic gradients against finite differences",
    "train": "train a network and measure each layer's gradient",
    "reproduce": "run the published experiments again, over many seeds, and write a page",
    "explore": "write and open a page on which the map follows the sliders",
    "tour": "write a folder that shows it all",
    "completion": "print a script by which a shell completes commands, flags and names",
}

USUAL_DEPTH = "4"
SIGMAS = "standard deviations, that of weights times √fan-in"
Loaded = TypeVar("Loaded")


def command(name: str) -> Any:
    """The module of a command."""
    return importlib.import_module(f"chainderiv.commands.{name}")


def chain_options(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """--depth, --activation, --output, --cost, --residual and --json."""
    add = parser.add_argument
    add("--depth", default=USUAL_DEPTH, help=f"number of layers, 1 to 1,000,000 (default {USUAL_DEPTH})")
    neurons = "sigmoid, tanh, relu, …, or a formula such as 'z/(1+exp(-1.5*z))' (default sigmoid)"
    neurons += "; repeat it for several maps" if several else ""
    add("--activation", action="append", metavar="NAME", help=neurons)
    add("--output", metavar="NAME", help="activation of the last layer, if another: name or formula")
    add("--cost", default="quadratic", help="quadratic or cross_entropy (default quadratic)")
    add("--residual", action="store_true", help="every layer adds to its input: a_l = a_(l-1) + phi(z_l)")
    json_option(parser)


def json_option(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def wrt_option(parser: argparse.ArgumentParser) -> None:
    """--wrt."""
    said = "parameter of the gradient: b1, w3, z2, a2, x, … (default b1); b1,w2: second derivative"
    parser.add_argument("--wrt", default="b1", help=said)


def data_option(parser: argparse.ArgumentParser) -> None:
    """--data."""
    said = "folder of the four MNIST files (else CHAINDERIV_DATA, cache, net)"
    parser.add_argument("--data", metavar="DIR", help=said)


def chains(options: argparse.Namespace) -> list[Chain]:
    """One Chain per --activation."""
    from chainderiv.symbolic.chain import Chain

    depth = whole("depth", options.depth)
    made = []
    for text in options.activation or ["sigmoid"]:
        hidden = stated_neuron(text)
        last = None if options.output is None else stated_neuron(options.output, "ψ")
        layers = hidden if last is None or depth < 1 else [hidden] * (depth - 1) + [last]
        made.append(Chain(depth, layers, options.cost, options.residual))
    return made


def stated_neuron(text: str, symbol: str = "φ") -> Activation:
    """The activation of that name or formula; a formula is printed as φ, named by itself, and shown on stderr."""
    from chainderiv.functions.activation import Activation
    from chainderiv.functions.lookup import named, unknown

    word = text.strip()
    found = named(word)
    if found is not None:
        return found
    if word.isidentifier() and word not in ("z", "x"):
        raise unknown(text, "--activation 'z*exp(-z**2)'")
    made = Activation.from_formula(text, text, symbol=symbol, latex={"φ": r"\varphi", "ψ": r"\psi"}[symbol])
    complain(understood(made))
    return made


def understood(activation: Activation) -> str:
    """One line of what was read, which can be read again.

    >>> from chainderiv.functions.activation import Activation
    >>> understood(Activation.from_formula("swish", "x/(1+e^(-1.5x))", symbol="φ"))
    'φ(z) = z/(1 + exp(-3z/2))'
    """
    from chainderiv.functions.described import text_of

    text = re.sub(r"(?<![\w.*/])([0-9]+)\*(?=[a-zA-Z(])", r"\1", text_of(activation.formula))
    return f"{activation.symbol}(z) = {text}"


def one_chain(options: argparse.Namespace) -> Chain:
    """The Chain of a command that takes one activation."""
    require_one_activation(options)
    return chains(options)[0]


def require_one_activation(options: argparse.Namespace) -> None:
    """Raise BadValue where --activation is given several times."""
    if options.activation and len(options.activation) > 1:
        raise BadValue(f"--activation is given {len(options.activation)} times; give it once here (map takes several)")


def wrt(text: str) -> str | tuple[str, ...]:
    """'b1' as it is, and 'b1,w2' as two parameters: a second derivative."""
    parts = tuple(part.strip() for part in text.split(","))
    if len(parts) > 2:
        raise BadValue(f"--wrt is {text!r}; give one parameter, as b1, or two, as b1,w2")
    return parts[0] if len(parts) == 1 else parts


def named_values(flag: str, text: str, wanted: str, example: str) -> dict[str, str]:
    """name=value,… as a dict; raises BadValue."""
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and equals and value.strip() for name, equals, value in pairs):
        raise BadValue(f"--{flag} is {text!r}; give {wanted} with commas between, such as {example}")
    given = {name.strip(): value.strip() for name, _, value in pairs}
    if len(given) < len(pairs):
        raise BadValue(f"--{flag} is {text!r} and gives a name twice; give each once")
    return given


def in_flags(said: str, options: argparse.Namespace) -> str:
    """An error in the command line's words: what Python calls weight_decay is --weight-decay there.

    >>> in_flags("batch_size is 0; give a whole number >= 1", argparse.Namespace(batch_size="0"))
    '--batch-size is 0; give a whole number >= 1'
    >>> in_flags("give the activation, as in activation='tanh'", argparse.Namespace(activation=None))
    'give the activation, as in --activation tanh'
    """
    names = {name: f"--{name.replace('_', '-')}" for name in vars(options)}
    if "layers" in names:
        names["sizes"] = names["layers"]
    said = re.sub(r"^[a-z_]+(?= (is|are|ask) )", lambda m: names.get(m[0], m[0]), said)
    said = re.sub(_AS_PYTHON, lambda m: f"{names[m[1]]} {m[2] or ''}".rstrip() if m[1] in names else m[0], said)
    return re.sub(r"(?<![-\w])[a-z]+_[a-z]+(?!\w)", lambda m: names.get(m[0], m[0]), said)


def seed(text: str) -> int:
    """--seed; raises BadValue."""
    read = whole("seed", text)
    if read < 0:
        raise BadValue(f"--seed is {text!r}; give a whole number >= 0")
    return read


def whole(name: str, text: str) -> int:
    """A whole number from the command line; raises BadValue."""
    try:
        return int(text)
    except ValueError as e:
        raise BadValue(f"--{name} is {text!r}; give a whole number") from e


def number(name: str, text: str) -> float:
    """A finite number from the command line; raises BadValue."""
    try:
        value = float(text)
    except ValueError as e:
        raise BadValue(f"--{name} is {text!r}; give a number") from e
    if not math.isfinite(value):
        raise BadValue(f"--{name} is {text!r}; give a finite number")
    return value


def speaks_unicode() -> bool:
    """Whether stdout takes what we print."""
    return _is_unicode(getattr(sys.stdout, "encoding", None) or "ascii")


def _is_unicode(encoding: str) -> bool:
    return encoding.lower().replace("-", "") in ("utf8", "utf16", "utf32")


def say(text: str = "") -> None:
    """Print a result; in ASCII where stdout is no UTF-8."""
    print(text if speaks_unicode() else _in_ascii(text))


def show(result: Shows | Shown) -> None:
    """Print a result as it prints itself; in ASCII, its columns under their names, where stdout is no UTF-8."""
    shown = result if isinstance(result, Shown) else result._shown()
    print(shown.text(str if speaks_unicode() else _in_ascii))


def _in_ascii(text: str) -> str:
    return text.translate(_ASCII).encode("ascii", "replace").decode()


def complain(text: str) -> None:
    """Print a line on stderr, whatever its encoding."""
    if sys.stderr is None:  # closed before we began; print would take stdout
        return
    encoding = getattr(sys.stderr, "encoding", None) or "ascii"
    line = " ".join(text.split())
    line = line if _is_unicode(encoding) else line.translate(_ASCII)
    print(line.encode(encoding, "replace").decode(encoding), file=sys.stderr)


@contextmanager
def warnings_in_a_line() -> Iterator[None]:
    """A warning is a line on stderr, without the place in the program that gave it."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: complain(f"chainderiv: {message}")
        yield


def warned(load: Callable[[], Loaded]) -> Loaded:
    """What load() gives; what it warns of is a line on stderr."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = load()
    for warning in caught:
        complain(f"chainderiv: {warning.message}")
    return loaded


def written(value: LogSign, digits: int = 6) -> str:
    """A number with so many digits, also where it leaves float64."""
    return format(value, f".{digits}g")


def say_json(result: Any) -> None:
    """Print a result as JSON; what JSON has no number for (inf, NaN) is null."""
    from chainderiv.writing import plain

    print(json.dumps(plain(result), ensure_ascii=not speaks_unicode(), indent=2))


Show = Callable[[str, int, int], None]


@contextmanager
def progress() -> Iterator[Show]:
    """A progress display on stderr, called with (what, done, total); a file or pipe gets a line per task."""
    if not (sys.stderr and sys.stderr.isatty()):
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            name = _task(what)
            if name not in tasks:
                tasks[name] = bar.add_task(what, total=total)
            bar.update(tasks[name], description=what, completed=done, total=total)

        yield show


def _task(what: str) -> str:
    """What stands before a bracket names the task; what is in it may change."""
    return what.partition(" (")[0]


def _lines() -> Show:
    finished: set[str] = set()

    def show(what: str, done: int, total: int) -> None:
        if done >= total and _task(what) not in finished:
            finished.add(_task(what))
            complain(f"{what}: {done}/{total}")

    return show


def say_pasted(to: Callable[[str], str]) -> None:
    """Lines to paste for each library."""
    from chainderiv.nn.pasted import LIBRARIES

    for target, name in LIBRARIES.items():
        say(f"\nin {name}:\n{textwrap.indent(to(target), '    ')}")
