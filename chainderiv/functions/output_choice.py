"""Which last layer a cost goes with: an activation, or softmax over all outputs."""

from __future__ import annotations

from chainderiv.errors import CostDomain
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import LOG_LIKELIHOOD, Cost
from chainderiv.functions.lookup import neuron

SUITS = {"cross_entropy": "sigmoid", "log_likelihood": "softmax"}


def choose_output(output: str | Activation | None, cost: Cost, hidden: Activation) -> Activation | None:
    """The activation of the last layer, None for softmax; where output is None, the one that suits the cost.

    That is the sigmoid for cross_entropy, softmax for log_likelihood and the hidden activation otherwise.

    Raises CostDomain where it can leave what the cost is defined on, UnknownName where it is in no table.

    >>> from chainderiv.functions.catalogue import ACTIVATIONS
    >>> from chainderiv.functions.cost import CROSS_ENTROPY
    >>> choose_output(None, CROSS_ENTROPY, ACTIVATIONS["tanh"]).name
    'sigmoid'
    """
    if output is None:
        output = SUITS.get(cost.name, hidden)
    softmax = isinstance(output, str) and output == "softmax"
    if softmax != cost.softmax or (softmax and cost.formula != LOG_LIKELIHOOD.formula):
        name = "softmax" if softmax else neuron(output).name
        raise CostDomain(
            f"cost {cost.name!r} is given with output {name!r}; log_likelihood and softmax go together: "
            "leave output out to have the one that suits the cost"
        )
    if softmax:
        return None
    elementwise = neuron(output)
    try:
        cost.require_chain_output(elementwise)
    except CostDomain as e:
        raise CostDomain(
            f"cost {cost.name!r} is defined on outputs in (0, 1), which {elementwise.name!r} leaves; "
            "give output='sigmoid', or cost='quadratic'"
        ) from e
    return elementwise
