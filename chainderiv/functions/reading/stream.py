"""Stream: the tokens of a formula, taken one by one, and what is said where one is out of place."""

from __future__ import annotations

from typing import NoReturn

from chainderiv.functions.formula_node import Fault
from chainderiv.functions.reading.tokens import NESTED, Token, tokens
from chainderiv.functions.reading.words import is_word, unknown

RAISED = {"\u00b2": "2", "\u00b3": "3"}
JOINING, COMPARING = ("and", "or", "not"), ("<", "<=", ">", ">=")
CHOICE = "where(z > 0, z, 0)"
# what stands in the brackets of a function of more than one argument
_PAIR = dict.fromkeys(("Max", "Min", "max", "min", "maximum", "minimum", "fmax", "fmin"), "z, 0")
EXAMPLES = _PAIR | {"clip": "z, 0, 6", "clamp": "z, 0, 6", "pow": "z, 2", "power": "z, 2"}


class Stream:
    """The tokens of a text and the place of the next one.

    >>> stream = Stream("2z")
    >>> stream.take().text, stream.now.text, stream.lacks_operator()
    ('2', 'z', True)
    """

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.index = text, tokens(text), 0

    @property
    def now(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.index]

    @property
    def before(self) -> Token:
        """The token that was taken last; raises IndexError before the first."""
        return self.tokens[self.index - 1]

    def take(self) -> Token:
        """The next token, which is behind us then."""
        token = self.now
        self.index = min(self.index + 1, len(self.tokens) - 1)
        return token

    def expect(self, text: str, *instead: str) -> None:
        """Take a sign that has to stand here; raises Fault."""
        if self.now.text != text:
            if self.now.text in ("if", "else", "=", "|", *COMPARING) or self.lacks_operator():
                self.misplaced()
            raise Fault(f"{self.here()} stands where {text!r} is wanted", self.now.at, *instead)
        self.take()

    def here(self) -> str:
        """The next token, as a message names it."""
        return "the end" if self.now.kind == "end" else repr(self.now.text[:40])

    def lacks_operator(self) -> bool:
        """Whether two factors stand side by side here."""
        return (
            self.index > 0
            and self.now.begins
            and (self.before.kind in ("number", "name") or self.before.text in (")", *RAISED))
        )

    def misplaced(self) -> NoReturn:
        """Raise the Fault of a token that cannot stand here."""
        at, text = self.now.at, self.now.text
        if text in ("if", "else"):
            raise Fault("a formula has no if", at, CHOICE)
        if text == "=":
            raise Fault("a formula has no =, but its right side alone", at, "z*tanh(z)")
        if text in COMPARING:
            raise Fault(f"{text!r} compares, and only where does", at, CHOICE)
        if text in ("and", "or", "not"):
            raise Fault(f"{text!r} joins comparisons, and only where has one", at, NESTED)
        if text == "|":
            raise Fault("it is not told which bars belong together", at, "|z|*|z + 1|", "Abs(z)*Abs(z + 1)")
        if self.lacks_operator():
            raise Fault(f"no operator stands before {self.here()}", at, "2*z", "z**2")
        raise Fault(f"{self.here()} is out of place; give numbers, z, functions and + - * / **", at)

    def unknown(self, token: Token) -> NoReturn:
        """Raise the Fault of a name that is none, or that stands without its brackets."""
        word, opens = token.text, self.now.text == "("
        if word in ("if", "else", "and", "or", "not", "lambda"):
            raise Fault(f"{word!r} is not read", token.at, CHOICE)
        if opens:
            raise unknown(word, token.at)
        if is_word(word) or word == "where":
            power = is_word(word) and self.now.text in ("**", *RAISED)
            example = CHOICE if word == "where" else f"{word}({EXAMPLES.get(word, 'z')})"
            raise Fault(f"{word!r} is a function", token.at, f"{example}**2" if power else example)
        near = {"Z": "z", "X": "x", "E": "e", "Pi": "pi", "PI": "pi"}.get(word)
        hint = "" if near is None else f"; did you mean {near!r}?"
        raise Fault(f"{word[:40]!r} is no known name{hint} (known: z, pi, e)", token.at)
