"""Derivation -> kernel: what evaluates a gradient's factors at many points.

One interface, engines by name: "numpy" walks the layers with arrays and is the oracle for "numba", which compiles the
walk and serves large work; "mpmath" is the referee, point by point, in balls that prove their digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chainderiv.compiling.compiler import can_compile, require_compiler
from chainderiv.errors import unknown_name
from chainderiv.given import of_kind, whole_number
from chainderiv.logsign import LogSign
from chainderiv.numeric.oracle import NumpyKernel, Oracle
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.reading import Reading
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.second import SecondDerivation

Derived = Derivation | SecondDerivation
LARGE = 2_000_000  # points times layers: NumPy takes a good tenth of a second for them


class Kernel(Protocol):
    """A derivation made ready to be read at many points."""

    def gradient(self, parameters: Parameters) -> LogSign:
        """∂C/∂θ alone, of the shape of the parameters."""

    def fill(self, parameters: Parameters, reading: Reading) -> None:
        """Read the gradient, the links and what is uncertain into a flat reading that is there already."""


def oracle(derivation: Derived) -> Oracle:
    """The kernel of the engine "numpy"."""
    if isinstance(derivation, Derivation):
        return NumpyKernel(derivation.as_gradient)
    from chainderiv.numeric.second import SecondKernel  # derives φ''

    return SecondKernel(derivation)


def _is_apart(derivation: Derivation) -> bool:
    """Whether no compiled walk has it: one with a replaced factor, and ∂C/∂a_L, which has no factor of a layer."""
    return bool(derivation.replaced) or derivation.start > derivation.chain.depth


def _compiled(derivation: Derived) -> Kernel:
    require_compiler()
    if isinstance(derivation, SecondDerivation):
        return _compiled_second(derivation)
    # a replaced factor is an expression of its own, and no map of it is large
    if _is_apart(derivation):
        return oracle(derivation)
    from chainderiv.numeric.compiled.engine import CompiledKernel  # loads Numba

    return CompiledKernel(derivation, NumpyKernel(derivation))


def _compiled_second(second: SecondDerivation) -> Kernel:
    if not _is_compilable(second):
        return oracle(second)
    from chainderiv.numeric.compiled.second_engine import CompiledSecond  # loads Numba
    from chainderiv.numeric.second import SecondKernel

    return CompiledSecond(second, SecondKernel(second))


def _referee(derivation: Derived) -> Kernel:
    from chainderiv.numeric.correct import MpmathKernel

    return MpmathKernel(derivation)


ENGINES: dict[str, Callable[[Derived], Kernel]] = {"numpy": oracle, "numba": _compiled, "mpmath": _referee}


def suitable_engine(derivation: Derivation | SecondDerivation, points: int) -> str:
    """'numba' where the work repays a compilation of some seconds and the formulas have a compiled form, else 'numpy'.

    points : how many the map has. It is what sweep takes by default; where Numba is missing it is always 'numpy', and
    a warning says so once. Raises BadValue for no derivation and no number.

    >>> from chainderiv import Chain, derive
    >>> suitable_engine(derive(Chain(depth=4), "b1"), 1000)
    'numpy'
    """
    of_kind("derivation", derivation, Derived, "what derive(chain, …) returns")
    if (
        whole_number("points", points, 0) * derivation.chain.depth < LARGE
        or (isinstance(derivation, Derivation) and _is_apart(derivation))
        or not can_compile()
    ):
        return "numpy"
    return "numba" if _is_compilable(derivation) else "numpy"


def _is_compilable(derivation: Derived) -> bool:
    if isinstance(derivation, SecondDerivation):
        from chainderiv.numeric.compiled import second_source

        return second_source.is_compilable(derivation.chain)
    from chainderiv.numeric.compiled.source import is_compilable

    return is_compilable(derivation.as_gradient.chain)


def kernel(derivation: Derived, engine: str = "numpy") -> Kernel:
    """Make a derivation ready to be read by an engine; raises UnknownName, or BadValue for what it cannot say."""
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    return ENGINES[engine](derivation.as_gradient if isinstance(derivation, Derivation) else derivation)
