"""torch.autograd.gradcheck on a chain of sigmoids, and on a backward pass that returns zeros."""

import torch

import chainderiv as cd


class Zeros(torch.autograd.Function):
    """The identity, with a backward pass that forgets the gradient."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return torch.zeros_like(gradient)


def chain(b, depth, wrong):
    """w = 0.9, the other biases 0.1, x = 0.5."""
    a = torch.sigmoid(0.9 * 0.5 + (Zeros.apply(b) if wrong else b))
    for _ in range(depth - 1):
        a = torch.sigmoid(0.9 * a + 0.1)
    return a**2 / 2


b = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
for depth in (4, 8, 24):
    said = [
        torch.autograd.gradcheck(lambda b, n=depth, w=wrong: chain(b, n, w), b, raise_exception=False)
        for wrong in (False, True)
    ]
    print(f"depth {depth:2}: gradcheck accepts the right one: {said[0]}, zeros: {said[1]}")

for depth in (4, 8, 24):
    zeros = cd.verify(cd.Chain(depth=depth), lambda w, b, x, y: 0.0, wrt="b1")
    print(f"depth {depth:2}: chainderiv accepts zeros: {zeros.passed}")
