"""What the page computes with: the printed programs of every neuron, in JavaScript and GLSL, none of them twice.

    helpers     texts that several neurons share
    bodies      the walks through a chain: of L, k, w and b that are given when they run
    neurons     of each its own functions, and which helpers and bodies are its

A program is helpers, functions and a body, joined where it is run. Nothing in the page knows a formula otherwise.
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
from chainderiv.symbolic.programs.open_program import open_body

# one w and one b for all layers, as on a map
LANGUAGES = {"javascript": replace(JAVASCRIPT, weight="w", bias="b", inside=False), "glsl": GLSL}
ANY = 3  # layers of the chain that stands for all: one before θ, θ's own and one behind it
# a body serves every layer of its kind; w_1 stands before x, and ∂C/∂a_L has no φ' that a cost could cancel
BODIES = {"b": "b2", "w": "w2", "first": "w1", "a": "a1", "end": f"a{ANY}"}
LINKS = "links"  # ∂a_L/∂a_1, the product of the links


@dataclass
class Texts:
    """Texts by number, each kept once."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        """The number of a text, the next one where it is new.

        >>> texts = Texts()
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
    helpers = {language: Texts() for language in LANGUAGES}
    bodies = {language: Texts() for language in LANGUAGES}
    neurons: dict[str, Any] = {}
    for phi in activations:
        neurons[phi.name] = {"bodies": _bodies(phi, bodies)}
        for language, dialect in LANGUAGES.items():
            own = "\n".join(every_function(Chain(ANY, phi), dialect))
            walks = "".join(bodies[language].numbers)
            shared = [helpers[language].number(one) for one in helpers_called(own + walks, dialect)]
            neurons[phi.name][language] = {"helpers": shared, "own": own}
    kept = {"helpers": helpers, "bodies": bodies}
    return {
        **{what: {one: list(texts.numbers) for one, texts in by.items()} for what, by in kept.items()},
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


def _bodies(phi: Activation, bodies: dict[str, Texts]) -> dict[str, Any]:
    """By cost, 'plain' or 'residual', and what the gradient is taken of: the number of the body."""
    found: dict[str, Any] = {}
    for chain in chains(phi):
        kind = "residual" if chain.residual else "plain"
        through = chain.until(chain.parameter(f"a{ANY}"))
        asked = {name: (chain, wrt) for name, wrt in BODIES.items()} | {LINKS: (through, "a1")}
        found.setdefault(chain.cost.name, {})[kind] = {
            name: _number(one, wrt, bodies) for name, (one, wrt) in asked.items()
        }
    return found


def _number(chain: Chain, wrt: str, bodies: dict[str, Texts]) -> int:
    """One number for both languages, whose bodies differ in the same places."""
    texts = [open_body(chain, chain.parameter(wrt), dialect) for dialect in LANGUAGES.values()]
    numbers = {bodies[language].number(text) for language, text in zip(LANGUAGES, texts, strict=True)}
    (number,) = numbers
    return number
