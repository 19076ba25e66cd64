"""The passes over a mini-batch and the descent through an epoch, as Numba compiles them.

Rows of neurons are LANES wide or a multiple of it, their padding zero. The first layer reads of an image only the
pixels that are not 0; its weights are scale · parameters, so that weight decay costs one multiplication a step.
"""

import numpy as np

from chainderiv.compiling.jit import njit
from chainderiv.compiling.lanes import LANES, load, plus, plus_product, prefetch, spread, store, times

CHUNK = 1024  # images that a pass takes at once
AHEAD = 8  # images: so far ahead their pixels are asked for, which lie anywhere in memory
LINE = 64  # bytes of a cache line


@njit(error_model="numpy")
def ask_for(images, image):
    """Have an image's pixels brought into the cache."""
    starts, pixels, values = images
    for k in range(starts[image], starts[image + 1], LINE // values.itemsize):
        prefetch(values, k)
    for k in range(starts[image], starts[image + 1], LINE // pixels.itemsize):
        prefetch(pixels, k)


@njit(error_model="numpy")
def into_first(shape, work, images, order, first, count, scale):
    """z_1 = b_1 + scale · Σ x_p W_p over an image's pixels, of the images order[first : first + count]."""
    W, pitch = work.parameters, shape.pitches[1]
    starts, pixels, values = images
    factor = spread(W, W.dtype.type(scale))
    for i in range(count):
        if first + i + AHEAD < len(order):
            ask_for(images, order[first + i + AHEAD])
        start, stop = starts[order[first + i]], starts[order[first + i] + 1]
        for column in range(0, pitch, LANES):
            # four sums, because each addition waits for the one before it
            t0 = t1 = t2 = t3 = load(work.zeros, 0)
            whole = start + (stop - start) // 4 * 4
            for k in range(start, whole, 4):
                t0 = plus_product(t0, spread(W, W.dtype.type(values[k])), load(W, pixels[k] * pitch + column))
                t1 = plus_product(t1, spread(W, W.dtype.type(values[k + 1])), load(W, pixels[k + 1] * pitch + column))
                t2 = plus_product(t2, spread(W, W.dtype.type(values[k + 2])), load(W, pixels[k + 2] * pitch + column))
                t3 = plus_product(t3, spread(W, W.dtype.type(values[k + 3])), load(W, pixels[k + 3] * pitch + column))
            for k in range(whole, stop):
                t0 = plus_product(t0, spread(W, W.dtype.type(values[k])), load(W, pixels[k] * pitch + column))
            total = plus(plus(t0, t1), plus(t2, t3))
            store(work.z, i * pitch + column, plus_product(load(W, shape.bias_at[1] + column), factor, total))


@njit(error_model="numpy")
def add_outer(target, pitch, images, order, first, count, delta, factor):
    """target_p += factor · Σ x_p δ over the images: the first layer's weight gradient, pixel by pixel."""
    starts, pixels, values = images
    for i in range(count):
        start, stop = starts[order[first + i]], starts[order[first + i] + 1]
        for column in range(0, pitch, LANES):
            row = times(spread(target, target.dtype.type(factor)), load(delta, i * pitch + column))
            for k in range(start, stop):
                at = pixels[k] * pitch + column
                store(target, at, plus_product(load(target, at), spread(target, target.dtype.type(values[k])), row))


@njit(error_model="numpy")
def multiply(X, x_at, x_row, x_inner, rows, inner, M, m_at, pitch, start, start_at, start_row, out, out_at):
    """out[i, :] = start[i, :] + Σ_k X[i, k] M[k, :], four rows at a time; start_row 0: one row for all."""
    for column in range(0, pitch, LANES):
        for i in range(0, rows - rows % 4, 4):
            x, s, o = x_at + i * x_row, start_at + i * start_row + column, out_at + i * pitch + column
            t0, t1 = load(start, s), load(start, s + start_row)
            t2, t3 = load(start, s + 2 * start_row), load(start, s + 3 * start_row)
            for k in range(inner):
                m, here = load(M, m_at + k * pitch + column), x + k * x_inner
                t0 = plus_product(t0, spread(X, X[here]), m)
                t1 = plus_product(t1, spread(X, X[here + x_row]), m)
                t2 = plus_product(t2, spread(X, X[here + 2 * x_row]), m)
                t3 = plus_product(t3, spread(X, X[here + 3 * x_row]), m)
            store(out, o, t0)
            store(out, o + pitch, t1)
            store(out, o + 2 * pitch, t2)
            store(out, o + 3 * pitch, t3)
        for i in range(rows - rows % 4, rows):
            total = load(start, start_at + i * start_row + column)
            for k in range(inner):
                x = X[x_at + i * x_row + k * x_inner]
                total = plus_product(total, spread(X, x), load(M, m_at + k * pitch + column))
            store(out, out_at + i * pitch + column, total)


@njit(error_model="numpy", nogil=True, cache=True)
def forward(shape, work, hidden, images, order, first, count, scale):
    """z_l = W_l a_{l-1} + b_l, a_l = φ(z_l) and φ'(z_l) of every layer; of the last one z alone."""
    into_first(shape, work, images, order, first, count, scale)
    depth = len(shape.sizes) - 1
    for layer in range(1, depth):
        at, n, pitch = count * shape.neuron_at[layer], shape.sizes[layer], shape.pitches[layer]
        end = at + count * pitch
        hidden(work.z[at:end], work.a[at:end], work.slope[at:end])
        for row in range(at, end, pitch):
            for k in range(row + n, row + pitch):
                work.a[k] = 0.0
                work.slope[k] = 0.0
        if shape.adds[layer]:
            below = count * shape.neuron_at[layer - 1]
            for k in range(0, count * pitch, LANES):
                store(work.a, at + k, plus(load(work.a, at + k), load(work.a, below + k)))
        above = layer + 1
        multiply(
            work.a, at, pitch, 1, count, n, work.parameters, shape.weight_at[above], shape.pitches[above],
            work.parameters, shape.bias_at[above], 0, work.z, count * shape.neuron_at[above],
        )  # fmt: skip


@njit(error_model="numpy")
def backward(shape, work, ending, labels, order, first, count):
    """δ_L from the cost, then ∂C/∂a_{l-1} = W_l^T δ_l, of a layer that adds its input + ∂C/∂a_l, times φ'(z_{l-1})."""
    depth = len(shape.sizes) - 1
    at, pitch = count * shape.neuron_at[depth], shape.pitches[depth]
    end = at + count * pitch
    work.targets[: count * pitch] = 0.0
    for i in range(count):
        work.targets[i * pitch + labels[order[first + i]]] = 1.0
    ending(work.z[at:end], work.targets, work.a[at:end], work.delta[at:end], shape.sizes[depth], pitch)
    for layer in range(depth, 1, -1):
        at, pitch = count * shape.neuron_at[layer], shape.pitches[layer]
        below, width = count * shape.neuron_at[layer - 1], shape.pitches[layer - 1]
        start, start_at, start_row = (work.change, at, pitch) if shape.adds[layer] else (work.zeros, 0, 0)
        multiply(
            work.delta, at, pitch, 1, count, shape.sizes[layer], work.turned, shape.turned_at[layer], width,
            start, start_at, start_row, work.change, below,
        )  # fmt: skip
        for k in range(below, below + count * width, LANES):
            store(work.delta, k, times(load(work.change, k), load(work.slope, k)))


@njit(error_model="numpy")
def add_gradients(shape, work, count):
    """Add Σ ∂C/∂b_l, and Σ ∂C/∂W_l above the first layer, of the images of a pass."""
    for layer in range(1, len(shape.sizes)):
        at, pitch = count * shape.neuron_at[layer], shape.pitches[layer]
        for column in range(0, pitch, LANES):
            total = load(work.gradient, shape.bias_at[layer] + column)
            for i in range(count):
                total = plus(total, load(work.delta, at + i * pitch + column))
            store(work.gradient, shape.bias_at[layer] + column, total)
        if layer > 1:
            here = shape.weight_at[layer]
            multiply(
                work.a, count * shape.neuron_at[layer - 1], 1, shape.pitches[layer - 1], shape.sizes[layer - 1], count,
                work.delta, at, pitch, work.gradient, here, pitch, work.gradient, here,
            )  # fmt: skip


@njit(error_model="numpy", cache=True)
def turn(shape, work):
    """Copy W_l, l >= 2, to where the way back reads it, neuron by neuron."""
    for layer in range(2, len(shape.sizes)):
        pitch, width = shape.pitches[layer], shape.pitches[layer - 1]
        here, there = shape.weight_at[layer], shape.turned_at[layer]
        for j in range(shape.sizes[layer]):
            for k in range(shape.sizes[layer - 1]):
                work.turned[there + j * width + k] = work.parameters[here + k * pitch + j]


@njit(error_model="numpy", nogil=True, cache=True)
def gradients(shape, work, hidden, ending, images, labels, order, first, count):
    """The sums of ∂C/∂W_l and ∂C/∂b_l over images, into work.gradient."""
    work.gradient[:] = 0.0
    for start in range(first, first + count, CHUNK):
        some = min(CHUNK, first + count - start)
        forward(shape, work, hidden, images, order, start, some, 1.0)
        backward(shape, work, ending, labels, order, start, some)
        add_outer(work.gradient, shape.pitches[1], images, order, start, some, work.delta, 1.0)
        add_gradients(shape, work, some)


@njit(error_model="numpy")
def shrink(array, stop, factor):
    """array[:stop] *= factor."""
    for k in range(0, stop, LANES):
        store(array, k, times(load(array, k), spread(array, array.dtype.type(factor))))


@njit(error_model="numpy")
def step_plainly(shape, work, hidden, ending, images, labels, order, first, count, rate, kept, scale):
    """One step without momentum or clipping: w ← kept · w - rate · Σ ∂C/∂w; returns the first layer's new scale."""
    weights, biases = shape.weight_at, shape.bias_at[1]
    above = biases if len(shape.sizes) == 2 else weights[2]
    work.gradient[above:] = 0.0
    forward(shape, work, hidden, images, order, first, count, scale)
    backward(shape, work, ending, labels, order, first, count)
    add_gradients(shape, work, count)
    scale *= kept
    if not scale > 0.5:  # before the digits of what is added grow few
        shrink(work.parameters, above, scale)
        scale = 1.0
    add_outer(work.parameters, shape.pitches[1], images, order, first, count, work.delta, -rate / scale)
    keep, less = spread(work.parameters, work.parameters.dtype.type(kept)), -rate
    for k in range(above, biases, LANES):
        store(work.parameters, k, times(keep, load(work.parameters, k)))
    for k in range(above, len(work.parameters), LANES):
        lost = spread(work.parameters, work.parameters.dtype.type(less))
        store(work.parameters, k, plus_product(load(work.parameters, k), lost, load(work.gradient, k)))
    turn(shape, work)
    return scale


@njit(error_model="numpy", fastmath={"contract", "reassoc"})
def sum_of_squares(array):
    """Σ v² in float64."""
    total = 0.0
    for k in range(len(array)):
        total += np.float64(array[k]) * np.float64(array[k])
    return total


@njit(error_model="numpy")
def length(array):
    """sqrt(Σ v²), where the squares are beyond float64 as well."""
    squares = sum_of_squares(array)
    if squares < np.inf:
        return np.sqrt(squares)
    top = np.max(np.abs(array))
    return top * np.sqrt(sum_of_squares(array / top))


@njit(error_model="numpy")
def move(work, start, stop, momentum, rate, pull):
    """v ← momentum · v - rate · gradient - pull · parameters, and parameters + v, from start to stop."""
    for k in range(start, stop):
        v = momentum * work.velocity[k] - rate * work.gradient[k] - pull * work.parameters[k]
        work.velocity[k] = v
        work.parameters[k] += work.velocity[k]


@njit(error_model="numpy")
def step_fully(shape, work, hidden, ending, images, labels, order, first, count, rate, decay, momentum, clip):
    """One step with everything: v ← μ v - η (∂C/∂w + decay · w), w ← w + v, the gradient's norm at most clip.

    rate is η/m, decay λ/n.
    """
    gradients(shape, work, hidden, ending, images, labels, order, first, count)
    eta = rate * count
    if clip < np.inf:
        norm = length(work.gradient) / count
        if norm > clip:
            rate *= clip / norm
    biases = shape.bias_at[1]
    move(work, 0, biases, momentum, rate, decay * eta)
    move(work, biases, len(work.parameters), momentum, rate, 0.0)
    turn(shape, work)


@njit(error_model="numpy", nogil=True, cache=True)
def descend(shape, work, hidden, ending, images, labels, order, batch, first, last, eta, decay, momentum, clip, scale):
    """The mini-batches first … last - 1 of an epoch's order; decay is λ/n, clip inf for none.

    Takes and returns the scale of the first layer's weights.
    """
    plain, n = momentum == 0.0 and clip == np.inf and batch <= CHUNK, len(order)
    turn(shape, work)
    for start in range(first * batch, min(last * batch, n), batch):
        count = min(batch, n - start)
        rate = eta / count
        if plain:
            scale = step_plainly(
                shape, work, hidden, ending, images, labels, order, start, count, rate, 1.0 - eta * decay, scale
            )
        else:
            step_fully(shape, work, hidden, ending, images, labels, order, start, count, rate, decay, momentum, clip)
    return scale
