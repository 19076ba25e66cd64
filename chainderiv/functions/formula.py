"""parse_formula(text) -> SymPy: a formula in z, read by a whitelist and never by sympify, eval or exec.

The grammar is precedence climbing (Pratt 1973):

    formula  = term {("+" | "-") term}        term  = factor {("*" | "/") factor}
    factor   = ("+" | "-") factor | power      power = atom ["**" factor]
    atom     = number | "z" | "pi" | "(" formula ")" | NAME "(" formula {"," formula} ")"
             | "where(" formula ("<" | "<=" | ">" | ">=") formula "," formula "," formula ")"

Every constant part is computed in float64 before SymPy sees it, so that nothing huge is ever built.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass
from typing import NoReturn

import sympy

from chainderiv.errors import BadValue
from chainderiv.functions.formula_node import FUNCTIONS, TURNING, Fault, Node, call, negate, number, operate, piecewise
from chainderiv.symbols import Expr, z

LONGEST, DEEPEST = 500, 40  # characters, and brackets within brackets
MOST_BRANCHES = 8  # of Abs, Max, Min, Heaviside, cbrt and where together: n of them can make 2^n pieces
CONSTANTS = {"z": Node(z), "pi": Node(sympy.pi, 3.141592653589793)}
LOOSE, TIGHT, UNARY, POWER = 10, 20, 30, 40  # how strongly an operator holds on to what stands beside it
BINARY = {"+": LOOSE, "-": LOOSE, "*": TIGHT, "/": TIGHT, "**": POWER}
JOINING = ("and", "or")
NESTED = "write one where inside another, as in where(z > 0, where(z < 1, a, b), b)"
COMPARISONS = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge}
_TOKEN = re.compile(
    r"[ \t]*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign>\*\*|<=|>=|[-+*/(),<>])|(?P<end>$))"
)
_ELSEWHERE = {"^": "write ** for a power", "=": "a formula has no =", ".": "no name has a dot", "[": "use ( and )",
              "&": NESTED, "|": NESTED}  # fmt: skip
_ALIASES = {alias: word for word, row in FUNCTIONS.items() for alias in row.aliases} | {"x": "z"}


@dataclass(frozen=True)
class Token:
    """A piece of the text: its kind ('number', 'name', 'sign', 'end'), what it says and where it begins."""

    kind: str
    text: str
    at: int


def parse_formula(text: str) -> Expr:
    """The SymPy expression in chainderiv.z that a formula states.

    Numbers are exact: 1.5 is 3/2. Names are z and pi, functions exp, log, log10, sqrt, cbrt, tanh, sinh, cosh, asinh,
    atan, erf, sin, cos, sinc, Abs, Max, Min, Heaviside, and where(condition, a, b). cbrt is the real root, and sinc(z)
    is sin(z)/z. At most two powers may be stacked, as in z**2**2, an exponent is at most 100, and every constant part
    has to be finite, and not lost to 0, in float64.

    Raises
    ------
    BadValue
        For anything else, with the position of the fault, what stands there and what to write.

    Examples
    --------
    >>> parse_formula("z/(1 + exp(-1.5*z))")
    z/(1 + exp(-3*z/2))
    >>> parse_formula("where(z > 0, z, exp(z) - 1)")
    Piecewise((z, z > 0), (exp(z) - 1, True))
    """
    if not isinstance(text, str):
        raise BadValue(f"formula is {text!r}; give a text such as 'z/(1+exp(-z))'")
    try:
        return _Parser(text).whole()
    except Fault as fault:
        shown = ascii(text if len(text) <= 60 else text[:57] + "...")
        raise BadValue(f"formula {shown} is refused at character {fault.at + 1}: {fault}") from None


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise Fault(f"it has {len(text)} characters; at most {LONGEST} are read", LONGEST)
        self.tokens = _tokens(text)
        self.index, self.depth, self.branches = 0, 0, 0

    @property
    def now(self) -> Token:
        return self.tokens[self.index]

    def whole(self) -> Expr:
        node = self.formula(LOOSE)
        if self.now.kind != "end":
            self._misplaced()
        if node.value is not None:
            raise Fault("it is a constant, whatever z is; give a formula that depends on z", 0)
        if not node.expression.has(z) or node.expression.has(sympy.zoo, sympy.oo, sympy.nan, sympy.I):
            raise Fault(f"it comes to {node.expression}, whatever z is; give a formula that depends on z", 0)
        return node.expression

    def formula(self, at_least: int) -> Node:
        left = self._operand()
        while self.now.kind == "sign" and BINARY.get(self.now.text, 0) >= at_least:
            sign = self._take()
            binding = BINARY[sign.text]
            # a power holds its right side first, and a sign may stand there: z**-2
            right = self.formula(UNARY if sign.text == "**" else binding + 1)
            left = operate(sign.text, left, right, sign.at)
        return left

    def _operand(self) -> Node:
        token = self.now
        if token.kind not in ("number", "name") and token.text not in ("+", "-", "("):
            self._misplaced()
        self._take()
        if token.text in ("+", "-"):
            inner = self._inner(UNARY, token)
            return negate(inner) if token.text == "-" else inner
        if token.kind == "number":
            return number(token.text, token.at)
        if token.kind == "name":
            return self._name(token)
        inner = self._inner(LOOSE, token)
        self._expect(")")
        return inner

    def _inner(self, at_least: int, token: Token) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Fault(f"brackets or signs are nested more than {DEEPEST} deep; write it flatter", token.at)
        node = self.formula(at_least)
        self.depth -= 1
        return node

    def _name(self, token: Token) -> Node:
        called = self.now.text == "("
        if not called and token.text in CONSTANTS:
            return CONSTANTS[token.text]
        if not called or token.text not in (*FUNCTIONS, "where"):
            raise Fault(_unknown(token.text, called), token.at)
        if token.text in (*TURNING, "where"):
            self.branches += 1
            if self.branches > MOST_BRANCHES:
                raise Fault(f"it branches more than {MOST_BRANCHES} times; give fewer Abs, Max, Min or where", token.at)
        self._expect("(")
        node = self._where(token) if token.text == "where" else self._call(token)
        self._expect(")")
        return node

    def _call(self, token: Token) -> Node:
        arguments = [self._inner(LOOSE, token)]
        while self.now.text == ",":
            self._take()
            arguments.append(self._inner(LOOSE, token))
        return call(token.text, arguments, token.at)

    def _where(self, token: Token) -> Node:
        if self.now.text == "not":
            raise Fault("'not' is not read; write the other comparison, as z <= 0 for not z > 0", self.now.at)
        left = self._inner(LOOSE, token)
        if self.now.text not in COMPARISONS:
            raise Fault(f"{self._here()} stands where a comparison is wanted; write where(z > 0, a, b)", self.now.at)
        sign = self._take()
        right = self._inner(LOOSE, token)
        if self.now.text in (*JOINING, *COMPARISONS):
            raise Fault(f"{self._here()} joins two comparisons, and where takes one; {NESTED}", self.now.at)
        self._expect(",")
        first = self._inner(LOOSE, token)
        self._expect(",")
        second = self._inner(LOOSE, token)
        return piecewise(COMPARISONS[sign.text], (left, right), (first, second), sign.at)

    def _take(self) -> Token:
        token = self.now
        self.index = min(self.index + 1, len(self.tokens) - 1)
        return token

    def _expect(self, text: str) -> None:
        if self.now.text != text:
            raise Fault(f"{self._here()} stands where {text!r} is wanted", self.now.at)
        self._take()

    def _here(self) -> str:
        return "the end" if self.now.kind == "end" else repr(self.now.text)

    def _misplaced(self) -> NoReturn:
        before = self.tokens[self.index - 1] if self.index else None
        starts = self.now.kind in ("number", "name") or self.now.text == "("
        if before is not None and starts and (before.kind in ("number", "name") or before.text == ")"):
            raise Fault(f"no operator stands before {self._here()}; write 2*z and not 2z", self.now.at)
        raise Fault(f"{self._here()} is out of place; give numbers, z, functions and + - * / **", self.now.at)


def _tokens(text: str) -> list[Token]:
    tokens, at = list[Token](), 0
    while not tokens or tokens[-1].kind != "end":
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip(" \t"))
            raise Fault(_foreign(text[at]), at)
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return tokens


def _foreign(character: str) -> str:
    """What to say of a character that no token begins with; look-alikes are told by their names."""
    if character in _ELSEWHERE:
        return f"{character!r} is not read; {_ELSEWHERE[character]}"
    name = unicodedata.name(character, f"the control character U+{ord(character):04X}")
    return f"{name} is not read; write ASCII digits, letters and + - * / ** ( ) , < >"


def _unknown(name: str, called: bool) -> str:
    known = [*FUNCTIONS, "where"] if called else list(CONSTANTS)
    if not called and name in (*FUNCTIONS, "where"):
        return f"{name!r} is a function; write {name}(...)"
    if called and name in CONSTANTS:
        return f"{name!r} is no function; write {name}*(...)"
    lowered = {k.lower(): k for k in known}
    near = (
        _ALIASES.get(name) or lowered.get(name.lower()) or next(iter(difflib.get_close_matches(name, known, 1)), None)
    )
    hint = f"; did you mean {near!r}?" if near in known else ""
    what = "function" if called else "name"
    return f"{name[:40]!r} is no known {what}{hint} (known: {', '.join(known)})"
