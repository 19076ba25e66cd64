"""How wide LaTeX sets a formula: points of Computer Modern at 10 pt, in display style, rather too many than too few.

Widths of letters and signs are those of cmmi10, cmr10, cmsy10 and cmex10 (Knuth 1986, Computer Modern Typefaces).
"""

from __future__ import annotations

import re
import string
from functools import lru_cache

SCRIPT = 0.83  # of a letter's width: what its 7 pt form has
SPACE_BEHIND = 0.5  # \scriptspace
FRACTION, ROOT, TALL, SMALL, CASES = 2.4, 10.1, 7.4, 5.1, 12.0
UNKNOWN = 10.0
_ITALIC = (
    "529 429 433 520 466 597 513 576 345 469 552 318 878 600 485 503 482 479 469 361 572 521 743 572 526 509 "
    "750 809 786 856 796 782 786 912 518 651 921 681 1079 912 791 781 791 767 671 723 792 806 1083 907 803 754"
)
_UPRIGHT = (
    "500 556 444 556 444 383 514 556 278 306 528 278 833 556 500 556 528 392 394 389 556 542 736 528 542 444 "
    "750 708 722 764 681 653 785 750 361 514 778 625 917 750 778 681 778 736 556 722 750 750 1042 750 775 611"
)
LETTER, WORD = (
    dict(zip(string.ascii_letters, (int(n) / 100 for n in row.split()), strict=True)) for row in (_ITALIC, _UPRIGHT)
)
_SIGNS = LETTER | dict.fromkeys("0123456789./:;*!", 5.0)
_SIGNS |= {"(": 3.9, ")": 3.9, "[": 2.8, "]": 2.8, "|": 2.8, ",": 4.5, "'": 2.8, "~": 3.4} | dict.fromkeys("<>=", 13.4)
_SIGNS |= {"+": 12.3, "-": 12.3, " ": 0.0, "&": 0.0}
_COMMANDS = {
    **{",": 1.67, ":": 2.23, ">": 2.23, ";": 2.78, "!": -1.6, " ": 3.34, "quad": 10.0, "qquad": 20.0},
    **{"cdot": 7.3, "times": 12.3, "cdots": 15.0, "dots": 15.0, "ldots": 13.4, "sum": 14.5, "prod": 12.8},
    **{"leq": 13.4, "geq": 13.4, "neq": 13.4, "ne": 13.4, "wedge": 11.2, "vee": 11.2, "partial": 5.9, "nabla": 8.4},
    **{"alpha": 6.5, "beta": 6.2, "gamma": 5.8, "delta": 4.9, "epsilon": 4.1, "varepsilon": 4.7, "zeta": 5.2},
    **{"eta": 5.4, "theta": 5.0, "vartheta": 6.0, "iota": 3.6, "kappa": 5.8, "lambda": 5.9, "mu": 6.1, "nu": 5.6},
    **{"xi": 4.9, "pi": 6.1, "rho": 5.2, "sigma": 6.1, "varsigma": 4.5, "tau": 5.5, "upsilon": 5.8, "phi": 6.0},
    **{"varphi": 6.6, "chi": 6.3, "psi": 6.9, "omega": 6.6, "Gamma": 6.3, "Delta": 8.4, "Theta": 7.8, "Lambda": 7.0},
    **{"Xi": 6.7, "Pi": 7.5, "Sigma": 7.3, "Upsilon": 7.8, "Phi": 7.3, "Psi": 7.8, "Omega": 7.3, "ell": 4.2},
    **{"{": 5.0, "}": 5.0, "_": 3.4, "%": 8.4, "$": 5.0, "#": 8.4, "&": 7.8, "displaystyle": 0.0, "middle": 0.0},
}
_NAMED = ("log", "exp", "tanh", "sinh", "cosh", "sin", "cos", "tan", "arctan", "max", "min", "operatorname", "erf")
_TEXTS = ("operatorname", "text", "mathrm", "mathit", "textrm", "mathsf", "mathbf")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)


def width(latex: str) -> float:
    r"""The width in pt.

    >>> round(width("z_{1}"), 1), width("w_{12}") == width("w_{99}")
    (9.7, True)
    """
    return _width(re.sub(r"[0-9]", "0", latex))  # all digits are as wide as one another


@lru_cache(maxsize=4096)
def _width(latex: str) -> float:
    return _Reader(_TOKEN.findall(latex)).row(1.0)


class _Reader:
    """Reads tokens from the left."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._at = tokens, 0
        self._tall: list[bool] = []  # of every \\left that is open

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1] if self._at <= len(self._tokens) else ""

    def row(self, scale: float, ends: tuple[str, ...] = ("}",)) -> float:
        """The width up to one of the tokens that end it."""
        total, scripts = 0.0, 0.0
        while self._peek() and self._peek() not in ends:
            if self._peek() in ("^", "_"):
                self._take()
                # one above and one below stand over one another
                scripts = max(scripts, self._item(scale * SCRIPT) + SPACE_BEHIND)
                continue
            total, scripts = total + scripts, 0.0
            total += self._large(scale) if self._peek() in (r"\sum", r"\prod") else self._item(scale)
        return total + scripts

    def _large(self, scale: float) -> float:
        """A sign whose limits stand above and below it."""
        parts = [self._item(scale)]
        while self._peek() in ("^", "_"):
            self._take()
            parts.append(self._item(scale * SCRIPT))
        return max(parts) + 1.7

    def _item(self, scale: float) -> float:
        token = self._take()
        if token == "{":
            inner = self.row(scale)
            self._take()
            return inner
        if token.startswith("\\"):
            return self._command(token[1:], scale)
        if token.isspace():
            return 0.0
        if scale < 1 and token in "+-<>=,":
            return (2.8 if token == "," else 7.8) * scale
        return scale * _SIGNS.get(token, UNKNOWN)

    def _command(self, name: str, scale: float) -> float:
        if name in ("frac", "dfrac", "tfrac"):
            return max(self._item(scale), self._item(scale)) + FRACTION
        if name == "sqrt":
            if self._peek() == "[":
                self.row(scale, ("]",))
                self._take()
            return ROOT * scale + self._item(scale)
        if name in ("left", "right") or name.startswith(("big", "Big")):
            return self._delimiter(name, scale)
        if name == "begin":
            return self._table(scale)
        if name in _TEXTS:
            return self._text(scale) + (3.4 if name == "operatorname" else 0.0)
        if name in _NAMED:
            return scale * sum(WORD[c] for c in name) + 3.4
        return scale * _COMMANDS.get(name, UNKNOWN)

    def _delimiter(self, name: str, scale: float) -> float:
        if name == "left":
            self._tall.append(self._is_tall())
        tall = self._tall.pop() if name == "right" and self._tall else name == "left" and self._tall[-1]
        return scale * (1.3 if self._take() == "." else TALL if tall or name.startswith("Big") else SMALL)

    def _is_tall(self) -> bool:
        """Whether a fraction, a root or cases stand before the bracket that closes."""
        depth = 1
        for token in self._tokens[self._at :]:
            depth += (token == r"\left") - (token == r"\right")
            if not depth:
                return False
            if token in (r"\frac", r"\begin", r"\sqrt"):
                return True
        return False

    def _text(self, scale: float) -> float:
        self._take()  # the brace
        total, depth = 0.0, 1
        while self._peek():
            token = self._take()
            depth += (token == "{") - (token == "}")
            if not depth:
                break
            total += WORD.get(token, 0.0 if token in ("{", "}", "$") else 3.4 if token.isspace() else 5.6)
            total += 4.0 if token.startswith("\\") and token[1:] in _COMMANDS else 0.0
        return total * scale

    def _table(self, scale: float) -> float:
        self._braced()
        cells: list[list[float]] = [[]]
        while self._peek() and self._peek() != r"\end":
            cells[-1].append(self.row(scale, ("&", r"\\", r"\end")))
            if self._peek() in ("&", r"\\") and self._take() == r"\\":
                cells.append([])
        self._take()
        self._braced()
        columns = max(map(len, cells))
        widest = (max((row[k] for row in cells if k < len(row)), default=0.0) for k in range(columns))
        return CASES + sum(widest) + 10.0 * (columns - 1)

    def _braced(self) -> None:
        while self._peek() and self._take() != "}":
            pass
