"""Weights: MatMul and Gemm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainderiv.kinds import Array, Floats
from chainderiv.models.operators.broadcasting import unbroadcast, unbroadcast_scaled
from chainderiv.models.operators.rule import Back, Call, Rule, fits, single
from chainderiv.models.scaled import Scaled, matmul, moved, scaled


def _product(a: Array, b: Array) -> Array:
    if a.ndim > 1 and b.ndim > 1:
        fits((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))
    return np.asarray(a @ b)


def _matmul(call: Call) -> Array:
    return _product(call.need(0), call.need(1))


def _matmul_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    """∂A = ∂Y Bᵀ and ∂B = Aᵀ ∂Y, vectors as matrices of one row or column."""
    a, b, gradient = call.need(0), call.need(1), single(gradients)
    left, right = a[None, :] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b
    if b.ndim == 1:
        gradient = gradient[..., None]
    if a.ndim == 1:
        gradient = gradient[..., None, :]
    return [
        _like(matmul(scaled(gradient), _turned(right)), a, left) if call.wants(0) else None,
        _like(_right(left, gradient, right), b, right) if call.wants(1) else None,
    ]


def _right(left: Array, gradient: Floats, right: Array) -> Scaled:
    if right.ndim == 2:  # one matrix for all of a batch: one product of matrices instead of a sum of many
        return matmul(_turned(left.reshape(-1, left.shape[-1])), scaled(gradient.reshape(-1, gradient.shape[-1])))
    return matmul(_turned(left), scaled(gradient))


def _turned(a: Array) -> Scaled:
    return scaled(np.swapaxes(a, -1, -2))


def _like(gradient: Scaled, given: Array, matrix: Array) -> Scaled:
    summed = unbroadcast_scaled(gradient, matrix.shape)
    return moved(summed, lambda values: values.reshape(given.shape))


def _gemm(call: Call) -> Array:
    """α A B + β C, A and B turned where the node says so."""
    y = _product(*_factors(call)) * call.get("alpha", 1.0)
    c = call.input(2)
    return np.asarray(y if c is None else y + c * call.get("beta", 1.0))


def _factors(call: Call) -> tuple[Array, Array]:
    a, b = call.need(0), call.need(1)
    return a.T if call.get("transA", 0) else a, b.T if call.get("transB", 0) else b


def _gemm_back(call: Call, gradients: Sequence[Floats | None]) -> Back:
    gradient, (a, b) = single(gradients), _factors(call)
    alpha = call.get("alpha", 1.0)
    of_a = matmul(scaled(gradient * alpha), scaled(b.T)) if call.wants(0) else None
    of_b = matmul(scaled(a.T), scaled(gradient * alpha)) if call.wants(1) else None
    of_c = unbroadcast(gradient * call.get("beta", 1.0), call.need(2).shape) if call.wants(2) else None
    return [_back(of_a, call.get("transA", 0)), _back(of_b, call.get("transB", 0)), of_c]


def _back(gradient: Scaled | None, turned: int) -> Scaled | None:
    return moved(gradient, np.transpose) if gradient is not None and turned else gradient


LINEAR: dict[str, Rule] = {
    "MatMul": Rule(_matmul, _matmul_back, "weight"),
    "Gemm": Rule(_gemm, _gemm_back, "weight"),
}
