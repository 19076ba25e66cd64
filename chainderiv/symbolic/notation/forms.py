"""The four written forms, each a row of how it sets marks, fractions, sums and transposes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from chainderiv.functions.activation import Activation
from chainderiv.symbolic.notation.letters import commands, word
from chainderiv.wording import lowered, raised

LONG = 48  # factors; a longer product is elided where it is shown rather than asked for
_GREEK = {"delta": "δ", "phi": "φ"}
_COMMANDS = {
    **{"delta": r"\delta", "phi": r"\varphi", "∑": r"\sum"},
    **{"log": r"\log", "exp": r"\exp", "diag": r"\operatorname{diag}"},
}
_WORDS = str.maketrans({"∂": "d", "δ": "delta", "∑": "sum", "…": "...", "φ": "phi"})
UPRIGHT_SIGMA = "<mi mathvariant='normal'>Σ</mi>"
_SPACE = "<mspace width='0.2em'/>"


@dataclass(frozen=True)
class Form:
    """One written form: signs, and functions that take parts which are written already."""

    times: str
    within: str  # between factors that belong together
    plus: str
    minus: str
    sign: str
    equals: str
    dots: str
    star: str  # what stands for the product in what SymPy writes
    beside: str  # between two partial derivatives below a fraction's line
    markup: str  # 'latex', 'mathml', or nothing for text, whose fractions stand on one line
    letter: Callable[[str], str]
    number: Callable[[str], str]
    neuron: Callable[[Activation], str]  # with nothing in it that is markup there
    marked: Callable[[str, str, str], str]  # a name, its mark above and its mark below, either of which may be empty
    applied: Callable[[str, str], str]
    primed: Callable[[str, int], str]  # f' from f and a number of primes
    partial: Callable[[str], str]  # ∂u
    squared: Callable[[str], str]  # u² as in ∂²C/∂u²
    second: str  # ∂²C
    fraction: Callable[[str, str], str]
    power: Callable[[str, str], str]
    sum: Callable[[str, str, str], str]  # from the index, the upper limit and the summand
    product: Callable[[str, str, str, str], str]  # from the index, the lower and the upper limit and the factor
    bracketed: Callable[[str], str]
    transposed: Callable[[str], str]
    slope: str  # ∇_a C
    diagonal: Callable[[str], str]  # Σ'(z)
    plain: Callable[[str], str]  # words between formulas

    def elided(self, parts: Iterable[str], between: str) -> str:
        """What is left of a row of which the middle was left out, or all of it."""
        return f"{between}{self.dots}{between}".join(parts)


def _word(name: str) -> str:
    """A name as it is; phi where it is a formula."""
    return "phi" if set(name) & set("()*/+") else name


def _text_marked(name: str, above: str, below: str) -> str:
    high = f"^({above})" if len(above) > 1 and not above.isdigit() else f"^{above}" * bool(above)
    return name + high + (f"_{below}" if below.isalnum() or "," in below else f"_({below})" * bool(below))


def _latex_neuron(activation: Activation) -> str:
    if activation.latex:
        return commands(activation.latex)
    return word(activation.symbol, letter=True) if activation.symbol else word(activation.name)


def _latex_letter(name: str) -> str:
    return _COMMANDS.get(name, name)


def _mathml_letter(name: str) -> str:
    return f"<mi>{_GREEK.get(name, name)}</mi>"


def brackets(content: str) -> tuple[str, str]:
    """What opens and what closes round a content: they stand close, and grow with a fraction alone.

    Between others a bare <mo>(</mo> is taken for an operator, with the space of one on either side.
    """
    size = "" if re.search("<m(frac|under|table)", content) else " stretchy='false'"
    return f"<mo form='prefix'{size}>(</mo>", f"<mo form='postfix'{size}>)</mo>"


def _fenced(content: str) -> str:
    return content.join(brackets(content))


def _index(text: str) -> str:
    """An index: l-1 in italics, a number upright, and what is between them close, as in TeX."""
    made = []
    for part in re.findall(r"[0-9]+|\w|\W", text):
        if part.isdigit():
            made.append(f"<mn>{part}</mn>")
        elif part.isalpha():
            made.append(f"<mi>{part}</mi>")
        else:
            made.append(f"<mo lspace='0' rspace='0'>{part.replace('-', '−')}</mo>")
    return made[0] if len(made) == 1 else f"<mrow>{''.join(made)}</mrow>"


def _mathml_primed(function: str, count: int) -> str:
    # a prime is raised as it is; as a superscript it would be raised twice, and tiny
    return f"{function}<mo form='postfix' lspace='0' rspace='0'>{'′″'[count - 1]}</mo>"


def _mathml_marked(name: str, above: str, below: str) -> str:
    base, high, low = _mathml_letter(name), _index(above), _index(below)
    if above and below:
        return f"<msubsup>{base}{low}{high}</msubsup>"
    if above:
        return f"<msup>{base}{high}</msup>"
    return f"<msub>{base}{low}</msub>" if below else base


_UNICODE = Form(
    times=" · ",
    within=" ",
    plus=" + ",
    minus=" - ",
    sign="-",
    equals=" = ",
    dots="⋯",
    star="*",
    beside="",
    markup="",
    letter=lambda name: _GREEK.get(name, name),
    number=str,
    neuron=lambda activation: _word(activation.symbol or activation.name),
    marked=lambda name, above, below: _GREEK.get(name, name) + raised(above) + lowered(below),
    applied="{}({})".format,
    primed=lambda function, count: function + "'" * count,
    partial="∂{}".format,
    squared="{}²".format,
    second="∂²C",
    fraction="{}/{}".format,
    power=lambda base, exponent: base + raised(exponent),
    sum=lambda index, upper, body: f"∑{lowered(index)} {body}",
    product=lambda index, lower, upper, body: f"∏{lowered(index)}₌{lowered(lower)}{raised(upper)} {body}",
    bracketed="({})".format,
    transposed="{}ᵀ".format,
    slope="∇ₐC",
    diagonal="Σ'({})".format,
    plain=str,
)
_TEXT = replace(
    _UNICODE,
    times=" * ",
    dots="...",
    letter=str,
    neuron=lambda activation: _word(activation.name),
    marked=_text_marked,
    partial="d{}".format,
    squared="{}^2".format,
    second="d^2C",
    power="{}^{}".format,
    sum=lambda index, upper, body: f"sum_{index} {body}",
    product=lambda index, lower, upper, body: f"prod_({index}={lower}..{upper}) {body}",
    transposed="{}^T".format,
    slope="grad_a C",
    diagonal="Sigma'({})".format,
    plain=lambda text: text.translate(_WORDS),
)
_LATEX = replace(
    _UNICODE,
    times=r" \, ",
    within=r" \, ",
    dots=r"\cdots",
    beside=r" \, ",
    markup="latex",
    letter=_latex_letter,
    neuron=_latex_neuron,
    marked=lambda name, above, below: (
        _latex_letter(name) + f"^{{{above}}}" * bool(above) + f"_{{{below}}}" * bool(below)
    ),
    applied=lambda function, u: rf"{function}\left({u}\right)" if "frac" in u else f"{function}({u})",
    partial=r"\partial {}".format,
    squared="{}^{{2}}".format,
    second=r"\partial^{2} C",
    fraction=r"\frac{{{}}}{{{}}}".format,
    power="{{{}}}^{{{}}}".format,
    sum=r"\sum_{{{}=1}}^{{{}}} {}".format,
    product=r"\prod_{{{}={}}}^{{{}}} {}".format,
    bracketed=r"\left({}\right)".format,
    transposed=r"{}^{{\mathsf{{T}}}}".format,
    slope=r"\nabla_{a} C",
    diagonal=r"\Sigma'({})".format,
    plain=r"\text{{{}}}".format,
)
_MATHML = Form(
    times=_SPACE,
    within=_SPACE,
    plus="<mo>+</mo>",
    minus="<mo>−</mo>",
    sign="<mo>−</mo>",
    equals="<mo>=</mo>",
    dots="<mo>⋯</mo>",
    star="",
    beside="",
    markup="mathml",
    letter=_mathml_letter,
    number="<mn>{}</mn>".format,
    # a name with markup in it would become markup
    neuron=lambda activation: f"<mi>{html.escape(activation.symbol or activation.name)}</mi>",
    marked=_mathml_marked,
    applied=lambda function, u: f"{function}<mrow>{_fenced(u)}</mrow>",
    primed=_mathml_primed,
    partial="<mo>∂</mo>{}".format,
    squared="<msup>{}<mn>2</mn></msup>".format,
    second="<msup><mo>∂</mo><mn>2</mn></msup><mi>C</mi>",
    fraction="<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>".format,
    power="<msup><mrow>{}</mrow><mrow>{}</mrow></msup>".format,
    sum=lambda index, upper, body: (
        f"<munderover><mo>∑</mo><mrow><mi>{index}</mi><mo>=</mo><mn>1</mn></mrow><mrow>{upper}</mrow></munderover>{body}"
    ),
    product=lambda index, lower, upper, body: (
        f"<munderover><mo>∏</mo><mrow><mi>{index}</mi><mo>=</mo><mn>{lower}</mn></mrow><mn>{upper}</mn></munderover>{body}"
    ),
    bracketed=lambda body: f"<mrow>{_fenced(body)}</mrow>",
    transposed="<msup>{}<mi mathvariant='sans-serif'>T</mi></msup>".format,
    slope="<msub><mo>∇</mo><mi>a</mi></msub><mi>C</mi>",
    diagonal=lambda z: f"{_mathml_primed(UPRIGHT_SIGMA, 1)}<mrow>{_fenced(z)}</mrow>",
    plain=lambda text: f"<mtext>{html.escape(text)}</mtext>",
)
FORMS = {"unicode": _UNICODE, "text": _TEXT, "latex": _LATEX, "mathml": _MATHML}
# a chain has one index a symbol, so its factors may stand closer
CHAIN_FORMS = {
    "unicode": replace(_UNICODE, star="·"),
    "text": replace(_TEXT, marked="{0}{2}".format),
    "latex": replace(_LATEX, times=r" \cdot "),
    "mathml": replace(
        _MATHML,
        times="<mo>·</mo>",
        applied=lambda function, u: f"<mrow>{function}{_fenced(u)}</mrow>",
        bracketed=_fenced,
    ),
}


def math_element(body: str) -> str:
    """A displayed <math> element."""
    return f"<math xmlns='http://www.w3.org/1998/Math/MathML' display='block'>{body}</math>"
