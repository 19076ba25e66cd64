"""All that an engine reads, as a map has it."""

from chainderiv.numeric.kernel import kernel
from chainderiv.numeric.reading import Reading


def reading(derivation, engine, parameters):
    """The Reading, of the shape of the parameters."""
    found = Reading.empty(parameters.shape)
    kernel(derivation, engine).fill(parameters, found.reshape(-1))
    return found
