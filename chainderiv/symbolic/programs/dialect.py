"""C, JavaScript and GLSL: one language each as data; the programs are the same but for these words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chainderiv.functions.elementary import ROWS


def _functions(dialect: str, **others: str) -> dict[str, str]:
    """What SymPy's functions are in a language, and what it calls the rest."""
    return {row.name: said for row in ROWS if (said := getattr(row.programs, dialect))} | others


@dataclass(frozen=True)
class Dialect:
    """How one C-like language writes what a program needs."""

    name: str
    functions: Mapping[str, str]  # from SymPy's names to the language's, or to those of dialect_functions
    define: str  # begins a function
    let: str  # begins a variable
    count: str  # begins a whole-number variable
    lowest: str  # log 0
    nothing: str  # what no logarithm but that of 0 falls under
    table: str  # a constant array, with {name}, {size} and {items}
    whole: str  # the program, with {summary}, {wrt}, {depth}, {functions} and {body}
    real: str = ""  # the type of a parameter, with a space behind
    whole_number: str = ""
    weight: str = "w[layer - 1]"  # in the loop over `layer`
    bias: str = "b[layer - 1]"
    native: frozenset[str] = frozenset()  # those of dialect_functions that the language has itself
    split: str = "1048576.0"  # 2^k that leaves half a significand's bits of a number under 64: its square is exact
    unused: str = ""  # keeps a compiler from complaining of a parameter without a use
    number: str = ""  # makes a real of a whole number
    inside: bool = False  # whether the functions stand inside `gradient`
    single: bool = False  # whether a real has 32 bits
    undefined: str = "NaN"  # a logarithm that is none

    @property
    def words(self) -> dict[str, str]:
        """What the $words of the templates are in the language."""
        own = (
            "define",
            "let",
            "count",
            "real",
            "whole_number",
            "weight",
            "bias",
            "lowest",
            "nothing",
            "split",
            "number",
            "undefined",
        )
        named = {word: self.functions[word] for word in ("exp", "log", "log1p", "floor")}
        return {**named, "abs": self.functions["Abs"], **{word: getattr(self, word) for word in own}}


C = Dialect(
    name="c",
    functions=_functions("c", pow="pow", whole_power="pow"),
    native=frozenset({"log1p", "expm1", "erf", "erfc"}),
    define="static double",
    let="double",
    count="int",
    real="double ",
    whole_number="int ",
    lowest="-INFINITY",
    nothing="-INFINITY",
    table="static const int {name}[{size}] = {{{items}}};",
    unused="(void)z;",
    whole="""\
// dC/d{wrt} of a {summary}.
// C99; for activations that stay within the range of double.
#include <math.h>

{functions}

// *sign (-1, 0 or 1) and the natural logarithm *log_abs of |dC/d{wrt}| (-INFINITY where it is 0).
// w and b hold {depth} numbers each, one per layer; x is the input, y the target.
void gradient(const double *w, const double *b, double x, double y, double *sign, double *log_abs) {{
{body}
    *sign = s;
    *log_abs = total;
}}
""",
)

JAVASCRIPT = Dialect(
    name="javascript",
    functions=_functions("javascript", pow="Math.pow", whole_power="Math.pow"),
    define="function",
    let="let",
    count="let",
    lowest="-Infinity",
    nothing="-Infinity",
    table="const {name} = [{items}];",
    inside=True,
    whole="""\
// dC/d{wrt} of a {summary}.
// For activations that stay within the range of a number.
//
// Returns [sign, log]: the sign (-1, 0 or 1) and the natural logarithm of |dC/d{wrt}| (-Infinity where it is 0).
// w and b hold {depth} numbers each, one per layer; x is the input, y the target.
function gradient(w, b, x, y) {{
    "use strict";

{functions}

{body}
    return [s, total];
}}
""",
)

GLSL = Dialect(
    name="glsl",
    functions=_functions("glsl", pow="pow", whole_power="whole_power"),
    define="float",
    let="float",
    count="int",
    real="float ",
    whole_number="int ",
    weight="w",
    bias="b",
    number="float",
    single=True,
    undefined="uintBitsToFloat(0x7f800000u)",
    lowest="-3.4028235e38",
    nothing="-3.0e38",
    split="128.0",
    table="const int {name}[{size}] = int[{size}]({items});",
    whole="""\
#version 300 es
precision highp float;
precision highp int;
// dC/d{wrt} of a {summary}.
// GLSL ES 3.00, 32-bit floats: about 6 digits; for activations that stay within their range.
//
// A map over w (across) and b (upwards), which all layers share: one pixel for each pair.

uniform vec4 bounds;  // w from bounds.x to bounds.y, b from bounds.z to bounds.w
uniform vec2 size;  // of the map, in pixels
uniform vec2 point;  // x and y: the input and the target
out vec4 result;  // a float texture keeps it: sign, log, 0, 1

{functions}

// The sign (-1, 0 or 1) and the natural logarithm of |dC/d{wrt}| (-3.4028235e38 where it is 0).
vec2 gradient(float w, float b, float x, float y) {{
{body}
    return vec2(s, total);
}}

void main() {{
    vec2 at = mix(bounds.xz, bounds.yw, gl_FragCoord.xy/size);
    result = vec4(gradient(at.x, at.y, point.x, point.y), 0.0, 1.0);
}}
""",
)
