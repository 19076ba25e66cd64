"""A claimed gradient as a text: the line that a derivation prints, or a formula in a1, w2, b3, z4, x and y.

It is brought to ASCII, each product written out, and read by the one reader of formulas: nothing is executed.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from chainderiv import symbols
from chainderiv.checking.claimed_formula import PHI, applied, is_placed, placed
from chainderiv.errors import BadValue
from chainderiv.functions.formula import read_formula
from chainderiv.functions.neurons.table import HOMES
from chainderiv.functions.reading.words import is_word
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.factor import Factor, symbol_of
from chainderiv.symbols import Expr

LONGEST = 100_000  # characters: a chain of a thousand layers, factor by factor
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉·⋅×−′’", "0123456789***-''")
_DERIVATIVE = r"[∂d](\^?2|²)?C ?/ ?[∂d]"
_OUTPUT = re.compile(_DERIVATIVE + r"a_?([0-9₀-₉]+)(\^?2|²)?")
_LEFT = re.compile(r"\s*[∂d](?:\^?2|²)?C ?/ ?((?:[∂d] ?(?:x|[abwz]_?[0-9₀-₉]+?)(?:\^2|²)?\s*){1,2})=")
_QUOTIENT = re.compile(r"\s*[∂d]([az]_?[0-9₀-₉]+) ?/ ?[∂d](x|[abwz]_?[0-9₀-₉]+)\s*=")
_ONE_OF = re.compile(r"[∂d] ?(x|[abwz]_?[0-9₀-₉]+?)(\^2|²)?\s*(?=[∂d]|$)")
_POWERS = {"²": "**2", "³": "**3", "^": "**"}
_PIECE = re.compile(
    r"(?P<space>\s+)|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[^\W\d]\w*)(?P<primes>'*)|(?P<other>.)",
    re.DOTALL,
)
WORDS = ("where", "pi", "π", "e", "if", "else", "and", "or", "not", "lambda")
_BRACED = re.compile(r"_\{([0-9]+)\}")
_TIGHT = re.compile(r"(?<!\w)((?:[abwz]_?[0-9]+)+)(?=[^\W\d_])")
_HOMES = re.compile(rf"\b{HOMES}(?=[A-Za-z])")
SLOPE, BEND = "output_slope", "output_bend"


def left_side(text: str) -> tuple[str, ...]:
    """What a claim names before its =, as ('b1',), ('b1', 'w2') or ('a4/b1',); () where it has none.

    >>> left_side("∂C/∂b₁ = σ'(z₁) · ∂C/∂a₁"), left_side("d^2C/db1dw2 = 0"), left_side("∂²C/∂b₁² = 0"), left_side("a1")
    (('b1',), ('b1', 'w2'), ('b1', 'b1'), ())
    """
    if (match := _QUOTIENT.match(text)) is not None:
        return ("/".join(match.groups()).translate(_LOWERED),)
    match = _LEFT.match(text)
    if match is None:
        return ()
    found = [(name.translate(_LOWERED), bool(squared)) for name, squared in _ONE_OF.findall(match[1].strip())]
    return tuple(name for name, squared in found for _ in range(1 + squared))


def claim_text(chain: Chain, text: str) -> Expr:
    """The SymPy expression that a claim states; raises BadValue where it is none, with the place of the fault.

    >>> claim_text(Chain(2), "∂C/∂b₁ = σ'(z₁) · w₂ σ'(z₂) · ∂C/∂a₂")
    w_2*(dC/da_2)*sigmoid'(z_1)*sigmoid'(z_2)
    >>> claim_text(Chain(1), "(a1 - y) a1 (1 - a_1)")
    a_1*(1 - a_1)*(a_1 - y)
    """
    match = _LEFT.match(text) or _QUOTIENT.match(text)
    body = text[match.end() :] if match else text
    if any(mark in body for mark in ("⋯", "...", "…", "∏", "Π", "prod")):
        raise BadValue(
            "the claim is not written out in its middle; give it whole, as derivation.to('unicode') prints it"
        )
    if "\\" in body:
        raise BadValue("the claim is LaTeX, which is not read; give it as derivation.to('unicode') prints it")
    names, makers = dict[str, Expr](), dict[str, Any]()
    plain = _plain(chain, body, names, makers)
    return read_formula(plain, {"x": symbols.x, "y": symbols.y} | names, makers, "claim", LONGEST, text)


def _plain(chain: Chain, body: str, names: dict[str, Expr], makers: dict[str, Any]) -> str:
    """The text in the formula reader's own characters, and the names that it holds."""
    made, before = list[str](), ""
    body = _BRACED.sub(r"_\1", _HOMES.sub("", body))
    body = _OUTPUT.sub(lambda m: _output(chain, m), body).translate(_LOWERED)
    body = _TIGHT.sub(_apart, body)
    for raised, power in _POWERS.items():
        body = body.replace(raised, power)
    for piece in _PIECE.finditer(body):  # what stands behind a piece is looked up in the same text
        kind = piece.lastgroup or "other"
        if kind == "space":
            made.append(" ")
            continue
        if kind in ("primes", "name"):
            kind, word, called = _named(chain, piece, body, names, makers)
        else:
            word, called = piece[0], False
        starts = kind in ("number", "name") or word == "("
        # w₂ σ'(z₂) and 2 a1 (1 - a1) are products
        if starts and before in ("number", "name", ")") and not (before == kind == "number"):
            made.append("*")
        made.append(word)
        before = "function" if called else kind if kind != "other" else word
    return "".join(made).strip()


def _apart(match: re.Match[str]) -> str:
    """w2a1 is w2 a1 and w2σ'(z2) is w2 σ'(z2), as 2z is 2 z."""
    return re.sub(r"(?<=[0-9])(?=[abwz])", " ", match[0]) + " "


def _output(chain: Chain, match: re.Match[str]) -> str:
    """∂C/∂a_L and ∂²C/∂a_L² as names."""
    twice, layer = bool(match[1]), int(match[2].translate(_LOWERED))
    if layer != chain.depth or twice != bool(match[3]):
        output = f"a{chain.depth}"
        raise BadValue(
            f"the claim holds {match[0]}; of the output's derivatives ∂C/∂{output} and ∂²C/∂{output}² are read"
        )
    return f" {BEND if twice else SLOPE} "


def _named(
    chain: Chain, piece: re.Match[str], body: str, names: dict[str, Expr], makers: dict[str, Any]
) -> tuple[str, str, bool]:
    """A name or a function as the reader is to have it."""
    word, primes = piece["name"], len(piece["primes"])
    called = body[piece.end() :].lstrip()[:1] == "("
    if word in (SLOPE, BEND):
        names[word] = symbol_of(chain, Factor("slope" if word == SLOPE else "bend", chain.depth))
        return "name", word, False
    kind, layer = placed(word)
    if layer or kind in ("x", "y"):
        if not is_placed(word, chain):
            raise BadValue(f"the claim holds {word}, and the chain has the layers 1 to {chain.depth}; give one of them")
        names[word] = _symbol(kind, layer)
        return "name", word, False
    own = {*PHI, "sigma", *(name for f in chain.activations for name in (f.name, f.symbol))}
    if primes or (called and (word in own or not (is_word(word) or word in WORDS))):
        if primes > 2 or not called:
            raise BadValue(f"the claim holds {word}{primes * chr(39)}; give {word}'(z1) or {word}''(z1)")
        plain = "phi" if word in PHI else "sigmoid" if word in ("σ", "sigma") else word
        name = plain if plain.isascii() else "neuron"
        makers[name + "_prime" * primes] = partial(_neuron, chain, word, primes)
        return "name", name + "_prime" * primes, True
    if not (called or word in WORDS or is_word(word)):
        top = chain.depth
        raise BadValue(f"the claim holds {word}, which is none of w1 … w{top}, b1 …, z1 …, a1 …, x and y; give these")
    return "name", word, called


def _symbol(kind: str, layer: int) -> Expr:
    if kind in ("x", "y"):
        return symbols.x if kind == "x" else symbols.y
    made = {"a": symbols.activation, "b": symbols.bias, "w": symbols.weight, "z": symbols.pre_activation}
    return made[kind](layer)


def _neuron(chain: Chain, word: str, primes: int, u: Expr) -> Expr:
    return applied(chain, "sigmoid" if word == "sigma" else word, (u,), primes)
