"""Which engine trains a network: NumPy's, or the compiled one where there is much to do."""

from __future__ import annotations

from chainderiv.compiling.compiler import can_compile, require_compiler
from chainderiv.errors import BadShape, BadValue, unknown_name
from chainderiv.kinds import Array
from chainderiv.nn.checks import image_rows, target_rows
from chainderiv.nn.data.data import Data, Split
from chainderiv.nn.network import Network
from chainderiv.nn.training.descent import Descending, Descent, NumPyDescent
from chainderiv.nn.training.passes import Measurer, NumPyPasses
from chainderiv.records.measurements import MEASURED_IMAGES

ENGINES = ("numba", "numpy")
# what NumPy takes: seconds a step and layer, and a multiplication of an image's by a weight
STEP, PRODUCT = 4e-5, 4e-10
WORTH_COMPILING = 5.0  # seconds of NumPy


def engine_for(given: str | None, net: Network, data: Data, descent: Descent, epochs: int) -> str:
    """The engine that was asked for, else the one that suits; raises UnknownName.

    NotCompilable is raised where "numba" is asked for and a formula has no compiled form, BadValue where Numba is
    missing; what is not asked for by name is NumPy's there.
    """
    if given is not None and given not in ENGINES:
        raise unknown_name("engine", given, ENGINES)
    if given == "numpy" or (given is None and _seconds(net, data, descent, epochs) < WORTH_COMPILING):
        return "numpy"
    if given is not None:
        require_compiler()
    elif not can_compile():
        return "numpy"
    from chainderiv.compiling.emit import NotCompilable
    from chainderiv.nn.compiled.neurons import ending_function, hidden_function

    try:
        hidden_function(net.activation, net.dtype)
        ending_function(net.last, net.dtype)
    except NotCompilable:
        if given is None:
            return "numpy"
        raise
    return "numba"


def _seconds(net: Network, data: Data, descent: Descent, epochs: int) -> float:
    steps = -(-len(data.train) // descent.batch_size)
    weights = sum(n * m for n, m in zip(net.sizes, net.sizes[1:], strict=False))
    return epochs * (steps * net.depth * STEP + (2 * len(data.train) + len(data.validation)) * weights * PRODUCT)


def _fitting(net: Network, part: Split, name: str) -> tuple[Array, Array]:
    """The images (n, n_0) and targets (n, n_L) of a part, of the network's dtype; raises BadShape or BadValue."""
    try:
        rows = image_rows(part.images, net.sizes[0], net.dtype)
        return rows, target_rows(part.labels, len(rows), net.sizes[-1], net.dtype)
    except (BadShape, BadValue) as e:
        raise type(e)(f"the {name} data do not fit {net!r}: {e}") from e


def started(engine: str, net: Network, data: Data, descent: Descent) -> Descending:
    """A network, in the dtype to be trained in, at the start of its descent; raises BadShape or BadValue."""
    images, targets = _fitting(net, data.train, "training")
    if engine == "numpy":
        return NumPyDescent(net, descent, images, targets)
    from chainderiv.nn.compiled.engine import CompiledDescent

    return CompiledDescent(net, descent, data.train.inked, data.train.labels)


def measurer(engine: str, net: Network, data: Data) -> Measurer:
    """What measures a network; raises BadShape or BadValue."""
    exact = net.copy("float64")
    first = data.train.first(MEASURED_IMAGES)
    images, targets = _fitting(exact, first, "training")
    # the compiled passes read the pixels as they are: no float64 copy of all images is made for them
    held_back, held_back_targets = _fitting(exact if engine == "numpy" else net, data.validation, "validation")
    if engine == "numpy":
        return Measurer(NumPyPasses(images, targets, held_back), images, targets, held_back_targets)
    from chainderiv.nn.compiled.engine import CompiledPasses

    passes = CompiledPasses(exact, first.inked, first.labels, data.validation.inked)
    return Measurer(passes, images, targets, held_back_targets)
