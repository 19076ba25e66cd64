"""What the page computes with: the printed programs of every neuron, in JavaScript and GLSL, none of them twice.

    helpers     texts that several neurons share
    bodies      the walks through a chain: of L, k, w and b that are given when they run
    neurons     of each its own functions and steps (plain, residual), and which helpers and bodies are its

A program is helpers, functions and a body with the step put into it, joined where it is run. Nothing in the page knows
a formula otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chainderiv.errors import CostDomain
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import COSTS
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.programs.dialect import GLSL, JAVASCRIPT
from chainderiv.symbolic.programs.dialect_functions import helpers_called
from chainderiv.symbolic.programs.dialect_neuron import every_function
from chainderiv.symbolic.programs.dialect_step import step
from chainderiv.symbolic.programs.open_program import open_body

# one w and one b for all layers, as on a map
LANGUAGES = {"javascript": replace(JAVASCRIPT, weight="w", bias="b", inside=False), "glsl": GLSL}
ANY = 3  # layers of the chain that stands for all: one before θ, θ's own and one behind it
# a body serves every layer of its kind; w_1 stands before x, and ∂C/∂a_L has no φ' that a cost could cancel
BODIES = {"b": "b2", "w": "w2", "first": "w1", "a": "a1", "end": f"a{ANY}"}


@dataclass
class Kept:
    """Texts by number, or tuples of texts, each kept once."""

    numbers: dict[Any, int] = field(default_factory=dict)

    def number(self, text: Any) -> int:
        """The number of a text, the next one where it is new.

        >>> texts = Kept()
        >>> [texts.number(text) for text in ("a", "b", "a")]
        [0, 1, 0]
        """
        return self.numbers.setdefault(text, len(self.numbers))


def programs(activations: Sequence[Activation]) -> dict[str, Any]:
    """Helpers, bodies and the neurons by name, in plain JSON values; raises BadValue for a formula that none can say.

    >>> from chainderiv import ACTIVATIONS
    >>> made = programs([ACTIVATIONS["tanh"], ACTIVATIONS["relu"]])
    >>> list(made["neurons"]["tanh"]["bodies"]), made["neurons"]["tanh"]["bodies"]["quadratic"]["plain"]["b"]
    (['quadratic'], 0)
    """
    helpers, bodies = {language: Kept() for language in LANGUAGES}, Kept()  # of bodies one text in each language
    neurons: dict[str, Any] = {}
    for phi in activations:
        neurons[phi.name] = {"bodies": _bodies(phi, bodies)}
        for (language, dialect), walks in zip(LANGUAGES.items(), zip(*bodies.numbers, strict=True), strict=True):
            own = "\n".join(every_function(Chain(ANY, phi), dialect))
            steps = [step(Chain(ANY, phi, residual=residual), dialect) for residual in (False, True)]
            called = helpers_called("".join([own, *steps, *walks]), dialect)
            shared = [helpers[language].number(one) for one in called]
            neurons[phi.name][language] = {"helpers": shared, "own": own, "steps": steps}
    return {
        "helpers": {language: list(texts.numbers) for language, texts in helpers.items()},
        "bodies": dict(zip(LANGUAGES, map(list, zip(*bodies.numbers, strict=True)), strict=True)),
        "neurons": neurons,
    }


def chains(phi: Activation) -> Iterator[Chain]:
    """The chains that the page has of a neuron: with each cost that its output allows, plain and residual."""
    for cost in COSTS:
        for residual in (False, True):
            try:
                yield Chain(ANY, phi, cost, residual)
            except CostDomain:
                continue


def _bodies(phi: Activation, bodies: Kept) -> dict[str, Any]:
    """By cost, 'plain' or 'residual', and what the gradient is taken of: the number of the body."""
    found: dict[str, Any] = {}
    for chain in chains(phi):
        kind = "residual" if chain.residual else "plain"
        found.setdefault(chain.cost.name, {})[kind] = {
            name: bodies.number(
                tuple(open_body(chain, chain.parameter(wrt), dialect) for dialect in LANGUAGES.values())
            )
            for name, wrt in BODIES.items()
        }
    return found
