"""neuron(): the Activation of a name."""

from __future__ import annotations

from chainderiv.errors import unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS


def neuron(given: str | Activation) -> Activation:
    """The Activation of that name, or the Activation itself; a name is the catalogue's, else a plug-in's.

    Raises
    ------
    UnknownName
        When neither has such a name.
    BadValue
        When the plug-in of that name gives no activation.
    """
    if isinstance(given, Activation):
        return given
    if isinstance(given, str) and given in ACTIVATIONS:
        return ACTIVATIONS[given]
    from chainderiv.functions.plugins import plugin, plugin_names  # looks through what is installed

    found = plugin(given) if isinstance(given, str) else None
    if found is None:
        raise unknown_name("activation", given, [*ACTIVATIONS, *plugin_names()])
    return found
