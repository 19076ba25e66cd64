"""parse_formula(text) -> SymPy: a formula in z, read by a whitelist and never by sympify, eval or exec.

The grammar is precedence climbing (Pratt 1973):

    formula  = term {("+" | "-") term}        term  = factor {("*" | "/" | nothing) factor}
    factor   = ("+" | "-") factor | power      power = atom ["**" factor]
    atom     = number | "z" | "pi" | "e" | "(" formula ")" | "|" formula "|" | NAME "(" arguments ")"
             | "where(" formula ("<" | "<=" | ">" | ">=") formula "," formula "," formula ")"

Nothing stands for a product behind a number, pi and a closing bracket: 2z, (z + 1)(z - 1).
Every constant part is computed in float64 before SymPy sees it, so that nothing huge is ever built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

import sympy

from chainderiv.errors import BadValue
from chainderiv.functions.formula_node import E, Fault, Node, call, negate, number, operate, piecewise
from chainderiv.functions.reading.stream import CHOICE, RAISED, Stream
from chainderiv.functions.reading.tokens import NESTED, Token
from chainderiv.functions.reading.words import branches, called, is_word
from chainderiv.symbols import Expr, z

LONGEST, DEEPEST = 500, 40  # characters, and brackets within brackets
MOST_BRANCHES = 8  # of Abs, Max, Min, Heaviside, cbrt, where and the like together: n of them can make 2^n pieces
Make = Callable[[Expr], Expr]
NOTHING: Mapping[str, Any] = {}
VARIABLES = {"z": Node(z), "x": Node(z)}
CONSTANTS = {"pi": Node(sympy.pi, 3.141592653589793), "e": E}
LOOSE, TIGHT, UNARY, POWER = 10, 20, 30, 40  # how strongly an operator holds on to what stands beside it
BINARY = {"+": LOOSE, "-": LOOSE, "*": TIGHT, "/": TIGHT, "**": POWER}
COMPARISONS = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge}


def parse_formula(text: str) -> Expr:
    """The SymPy expression in chainderiv.z that a formula states.

    Numbers are exact: 1.5 is 3/2. The variable is z or x, and pi and e are the numbers. Powers are ** or ^, 2z and
    (z + 1)(z - 1) are products, |z| is Abs(z), and typeset signs (− · × ÷ ² ³ ≤ ≥ π) are read as what they stand for.
    Functions are exp, log, log2, log10, log1p, expm1, sqrt, cbrt, square, pow, tanh, sinh, cosh, sech, asinh, atan,
    erf, erfc, normal_cdf, sin, cos, tan, sinc, sign, Abs, Max, Min, clip, Heaviside and where(condition, a, b), by
    NumPy's names too, and every name of the catalogue: elu(z), elu(z, 2), elu(z, alpha=2). cbrt is the real root,
    sinc(z) is sin(z)/z, and clip(z, 0, 6) has its limits behind it. At most two powers may be stacked, as in z**2**2,
    an exponent is at most 100, and every constant part has to be finite, and not lost to 0, in float64.

    Raises
    ------
    BadValue
        For anything else, with the position of the fault, what stands there and what to write.

    Examples
    --------
    >>> parse_formula("z/(1 + e^(-1.5z))")
    z/(1 + exp(-3*z/2))
    >>> parse_formula("where(z > 0, z, exp(z) - 1)"), parse_formula("softplus(2x) - ln(2)")
    (Piecewise((z, z > 0), (exp(z) - 1, True)), log(exp(2*z) + 1) - log(2))
    """
    if not isinstance(text, str):
        raise BadValue(f"formula is {text!r}; give a text such as 'z/(1+exp(-z))'")
    with _refused("formula", text):
        return Parser(text).whole()


def read_formula(
    text: str, names: Mapping[str, Expr], makers: Mapping[str, Make], what: str, longest: int, typed: str | None = None
) -> Expr:
    """The same of a text in other names than z and x, and with functions of one argument beside the known ones.

    Raises BadValue, which calls the text by what it is, and shows it as it was typed.

    >>> from chainderiv.symbols import y
    >>> read_formula("2u + half(v)", {"u": z, "v": y}, {"half": lambda e: e / 2}, "claim", 100)
    y/2 + 2*z
    """
    with _refused(what, text, typed):
        return Parser(text, {name: Node(e) for name, e in names.items()}, makers, longest).ended().expression


@contextmanager
def _refused(what: str, text: str, typed: str | None = None) -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        at = f"character {fault.at + 1}"
        if typed not in (None, text):
            at = repr(text[fault.at : fault.at + 12]) if text[fault.at :] else "its end"
        given = typed or text
        given = given if len(given) <= 60 else given[:57] + "..."
        raise BadValue(f"{what} {given!r} is refused at {at}: {fault}") from None


def _either(when: Any, one: Any, other: Any) -> Any:
    return sympy.Or(sympy.And(when, one), sympy.And(sympy.Not(when), other))


class Parser(Stream):
    """The tokens of a text, taken one by one; whole() is what they state, or raises Fault."""

    def __init__(
        self,
        text: str,
        names: Mapping[str, Node] = NOTHING,
        makers: Mapping[str, Make] = NOTHING,
        longest: int = LONGEST,
    ) -> None:
        if len(text) > longest:
            raise Fault(f"it has {len(text)} characters; at most {longest} are read", longest)
        super().__init__(text)
        self.names, self.makers = names, makers  # of a text that is no neuron's
        self.depth, self.branches, self.bars, self.variable = 0, 0, 0, ""

    def ended(self) -> Node:
        """All that the text states."""
        node = self.formula(LOOSE)
        if self.now.kind != "end":
            self.misplaced()
        # what SymPy makes of a comparison of a where, and has no code for
        return replace(node, expression=node.expression.replace(sympy.ITE, _either))

    def whole(self) -> Expr:
        """The formula that the text states."""
        node = self.ended()
        if node.value is not None:
            raise Fault("it is a constant, whatever z is; give a formula that depends on z", 0)
        if not node.expression.has(z) or node.expression.has(sympy.zoo, sympy.oo, sympy.nan, sympy.I):
            raise Fault(f"it comes to {node.expression}, whatever z is; give a formula that depends on z", 0)
        return node.expression

    def formula(self, at_least: int) -> Node:
        """What stands from here on, as far as operators hold it together so strongly."""
        begin, left, last = self.index, self._operand(), ""
        while True:
            sign = self.now
            if sign.text in RAISED:
                left = self._raised(left)
            elif sign.kind == "sign" and BINARY.get(sign.text, 0) >= at_least:
                self.take()
                # a power holds its right side first, and a sign may stand there: z**-2
                right = self.formula(UNARY if sign.text == "**" else BINARY[sign.text] + 1)
                left, last = operate(sign.text, left, right, sign.at), sign.text
            elif at_least <= TIGHT and self._beside():
                if last in ("/", "**"):
                    self._ambiguous(begin, last)
                left, last = operate("*", left, self.formula(TIGHT + 1), sign.at), "*"
            else:
                return left

    def _raised(self, base: Node) -> Node:
        sign = self.take()
        if self.now.text in RAISED:
            raise Fault("two raised digits stand together", self.now.at, "z**22")
        return operate("**", base, number(RAISED[sign.text], sign.at), sign.at)

    def _beside(self) -> bool:
        """Whether a factor begins here, behind one that ends without doubt: 2z, )(, pi z."""
        now, before = self.now, self.before
        if now.text == "|":
            return self.bars == 0 and before.kind == "number"
        if now.kind not in ("name", "sign") or not now.begins or now.text in ("if", "else", "and", "or"):
            return False
        if before.kind == "number" and now.text == "e" and before.end == now.at:
            return self.tokens[self.index + 1].text == "**"  # 1e is the beginning of a number
        return before.kind == "number" or before.text in (")", "pi", *RAISED)

    def _ambiguous(self, begin: int, last: str) -> NoReturn:
        """a/2z and a**2z can be read in two ways."""
        at = self.index
        sign = max(k for k in range(begin, at) if self.tokens[k].text == last)
        self.formula(TIGHT + 1)
        whole, below, factor = (
            self.text[self.tokens[i].at : self.tokens[k].end]
            for i, k in ((begin, sign - 1), (sign + 1, at - 1), (at, self.index - 1))
        )
        one, other = f"{whole}{last}{below}*{factor}", f"{whole}{last}({below}*{factor})"
        short = len(other) <= 40 and sign > begin
        raise Fault(
            "a product without its * can be read in two ways here",
            self.tokens[at].at,
            *((one, other) if short else ("1/2*z", "1/(2*z)")),
        )

    def _operand(self) -> Node:
        token = self.now
        if not token.begins and token.text not in ("+", "-", "|"):
            self.misplaced()
        self.take()
        if token.text in ("+", "-"):
            inner = self._inner(UNARY, token)
            return negate(inner) if token.text == "-" else inner
        if token.kind == "number":
            return number(token.text, token.at)
        if token.kind == "name":
            return self._name(token)
        return self._size(token) if token.text == "|" else self._bracketed(token)

    def _bracketed(self, token: Token) -> Node:
        bars, self.bars = self.bars, 0
        inner = self._inner(LOOSE, token)
        self.expect(")")
        self.bars = bars
        return inner

    def _size(self, token: Token) -> Node:
        """|...|: a bar where a factor is wanted opens, and one where an operator is wanted closes."""
        self._branch(token)
        self.bars += 1
        inner = self._inner(LOOSE, token)
        self.bars -= 1
        if self.now.text in COMPARISONS:
            raise Fault("'|' joins two comparisons, and where takes one", token.at, NESTED)
        self.expect("|")
        if self.now.begins or (self.now.text == "|" and self.bars == 0):
            raise Fault("it is not told which bars belong together", self.now.at, "|z|*|z + 1|", "Abs(z)*Abs(z + 1)")
        return call("Abs", [inner], token.at)

    def _inner(self, at_least: int, token: Token) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Fault(f"brackets or signs are nested more than {DEEPEST} deep; write it flatter", token.at)
        node = self.formula(at_least)
        self.depth -= 1
        return node

    def _branch(self, token: Token) -> None:
        self.branches += 1
        if self.branches > MOST_BRANCHES:
            raise Fault(f"it branches more than {MOST_BRANCHES} times; give fewer Abs, Max, Min or where", token.at)

    def _name(self, token: Token) -> Node:
        word, opens = token.text, self.now.text == "("
        if word in self.names:
            return self.names[word]
        if word in self.makers and opens:
            self.take()
            inner = self._bracketed(token)
            return Node(self.makers[word](inner.expression), None, inner.stacked)
        if word in VARIABLES:
            return self._variable(token)
        if word in CONSTANTS:
            if opens and word == "e":
                raise Fault("e( begins a call, and e is the number", token.at, "e**(z + 1)", "e*(z + 1)")
            return CONSTANTS[word]
        if not opens or not (is_word(word) or word == "where"):
            self.unknown(token)
        if word == "where" or branches(word):
            self._branch(token)
        bars, self.bars = self.bars, 0
        self.expect("(")
        node = self._where(token) if word == "where" else self._call(token)
        self.expect(")")
        self.bars = bars
        return node

    def _variable(self, token: Token) -> Node:
        if self.variable not in ("", token.text):
            raise Fault("x and z are two variables, and a neuron has one", token.at, "z + z**2")
        self.variable = token.text
        if self.now.text == "(":
            raise Fault(f"{token.text}( begins a call", token.at, f"{token.text}*(1 + {token.text})")
        return VARIABLES[token.text]

    def _call(self, token: Token) -> Node:
        given, named = list[Node](), dict[str, Node]()
        while True:
            key = self.now
            if key.kind == "name" and self.tokens[self.index + 1].text == "=":
                self.index += 2
                named[key.text] = self._inner(LOOSE, token)
            elif named:
                raise Fault(
                    "a number without a keyword stands behind one with it", key.at, "hardtanh(z, -1, max_val=1)"
                )
            else:
                given.append(self._inner(LOOSE, token))
            if self.now.text != ",":
                return called(token.text, given, named, token.at)
            self.take()

    def _where(self, token: Token) -> Node:
        if self.now.text == "not":
            raise Fault("'not' is not read; the other comparison says it", self.now.at, "where(z <= 0, 0, z)")
        left = self._inner(LOOSE, token)
        if self.now.text not in COMPARISONS:
            raise Fault(f"{self.here()} stands where a comparison is wanted", self.now.at, CHOICE)
        sign = self.take()
        right = self._inner(LOOSE, token)
        if self.now.text in ("and", "or", "|", *COMPARISONS):
            raise Fault(f"{self.here()} joins two comparisons, and where takes one", self.now.at, NESTED)
        self.expect(",", CHOICE)
        first = self._inner(LOOSE, token)
        self.expect(",", CHOICE)
        second = self._inner(LOOSE, token)
        return piecewise(COMPARISONS[sign.text], (left, right), (first, second), sign.at)
