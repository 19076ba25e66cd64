"""The comparison that the backward pass is held to, which must itself be seen to fail (test_backward)."""

import numpy as np

from chainderiv.compiling.arrays import array_functions

STEP = 1e-30


def complex_step_gradients(net, images, targets):
    """∂C/∂W_l and ∂C/∂b_l by the complex step through the forward pass alone: Im C(θ + ih)/h."""
    parameters = [*net.weights, *net.biases]
    found = [np.empty(p.shape) for p in parameters]
    for number, (parameter, gradient) in enumerate(zip(parameters, found, strict=True)):
        for index in np.ndindex(parameter.shape):
            moved = parameter.astype(complex)
            moved[index] += 1j * STEP
            changed = [*parameters[:number], moved, *parameters[number + 1 :]]
            cost = net.cost_at(changed[: net.depth], changed[net.depth :], images, targets)
            gradient[index] = cost.imag / STEP
    return found[: net.depth], found[net.depth :]


def term_sizes(net, images, targets):
    """The sizes of the terms of each gradient, summed: the backward pass on absolute values."""
    run = net.forward(images)
    derivative = array_functions(net.activation).derivative
    sizes = [np.abs(net.deltas(images, targets)[-1]) + _output_terms(net, run, targets)]
    through = 0
    for layer in range(net.depth, 1, -1):
        through = sizes[-1] @ np.abs(net.weights[layer - 1]) + (through if net.adds(layer) else 0)
        sizes.append(through * np.abs(derivative(run.z[layer - 2])))
    sizes = sizes[::-1]
    weights = [s.T @ np.abs(a) / len(images) for s, a in zip(sizes, run.a[:-1], strict=True)]
    return weights, [s.mean(axis=0) for s in sizes]


def _output_terms(net, run, targets):
    # a - y is a difference of two terms; a cost that cancels φ' has no φ' in front of it
    terms = np.abs(run.a[-1]) + np.abs(targets)
    if net.cost.name == "quadratic":
        return terms * np.abs(array_functions(net.output_activation).derivative(run.z[-1]))
    return terms


def worst_error(got, want, sizes):
    """The largest |got - want| / size over all entries; 0 where both are 0."""
    worst = 0.0
    for g, w, s in zip(got, want, sizes, strict=True):
        apart = np.abs(g - w)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(apart == 0, 0.0, apart / s)
        # NaN counts as wrong
        worst = max(worst, float(np.nan_to_num(ratio, nan=np.inf).max()))
    return worst


def disagreement(net, images, targets, gradients=None):
    """worst_error of the backward pass (or of given gradients) against the complex step."""
    weights, biases = net.gradients(images, targets) if gradients is None else gradients
    want_weights, want_biases = complex_step_gradients(net, images, targets)
    weight_sizes, bias_sizes = term_sizes(net, images, targets)
    return worst_error([*weights, *biases], [*want_weights, *want_biases], [*weight_sizes, *bias_sizes])
