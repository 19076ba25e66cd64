"""tokens(): a formula's text cut into numbers, names and signs, with the typeset forms of a sign read as the sign."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from chainderiv.functions.formula_node import Fault
from chainderiv.functions.neurons.table import HOMES

_TOKEN = re.compile(
    r"[ \t]*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"|(?P<name>{HOMES}[A-Za-z_][A-Za-z_0-9]*|[\u03c0\u03c3\u03a6])"
    "|(?P<sign>\\*\\*|<=|>=|[-+*/(),<>=|^\u00b2\u00b3\u2212\u00b7\u22c5\u2219\u00d7\u00f7\u2264\u2265])|(?P<end>$))"
)
_TYPESET = {
    **{"^": "**", "\u2212": "-", "\u00b7": "*", "\u22c5": "*", "\u2219": "*", "\u00d7": "*", "\u00f7": "/"},
    **{"\u2264": "<=", "\u2265": ">=", "\u03c0": "pi", "\u03c3": "sigmoid", "\u03a6": "normal_cdf"},
}
NESTED = "where(z > 0, where(z < 1, z, 1), 0)"  # what stands for two conditions in one
_ELSEWHERE: dict[str, tuple[str, tuple[str, ...]]] = {
    ".": ("no name has a dot", ("exp(z)",)),
    "[": ("brackets are round", ("2*(z + 1)",)),
    "{": ("brackets are round", ("2*(z + 1)",)),
    "&": ("where takes one comparison", (NESTED,)),
    "?": ("a choice is a where", ("where(z > 0, z, 0)",)),
    "\\": ("a formula is no LaTeX", ("z/(1 + exp(-z))",)),
    "\u221a": ("a root is a function", ("sqrt(1 + z**2)",)),
}


@dataclass(frozen=True)
class Token:
    """A piece of the text: its kind ('number', 'name', 'sign', 'end'), what it says, and where it begins and ends."""

    kind: str
    text: str
    at: int
    end: int

    @property
    def begins(self) -> bool:
        """Whether a factor begins here."""
        return self.kind in ("number", "name") or self.text == "("


def tokens(text: str) -> list[Token]:
    """The tokens of a text, the last of which is its end; raises Fault where none begins.

    >>> [token.text for token in tokens("2\u00b7np.exp(z)")]
    ['2', '*', 'exp', '(', 'z', ')', '']
    """
    found, at = list[Token](), 0
    while not found or found[-1].kind != "end":
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip(" \t"))
            raise _foreign(text[at], at)
        kind = str(match.lastgroup)
        home, _, said = match[kind].rpartition(".") if kind == "name" else ("", "", match[kind])
        if home and said in ("x", "z"):
            raise Fault(f"{match[kind]!r} has a dot, and the variable has none", match.start(kind), "exp(z)")
        found.append(Token(kind, _TYPESET.get(said, said), match.start(kind), match.end()))
        at = match.end()
    return found


def _foreign(character: str, at: int) -> Fault:
    """What to say of a character that no token begins with; look-alikes are told by their names."""
    if character in _ELSEWHERE:
        why, instead = _ELSEWHERE[character]
        return Fault(f"{character!r} is not read: {why}", at, *instead)
    name = unicodedata.name(character, f"the control character U+{ord(character):04X}")
    return Fault(f"{name} is not read; give digits, letters from a to z, \u03c0, \u03c3 and + - * / ** ( ) , < >", at)
