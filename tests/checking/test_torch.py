"""Gradients of PyTorch's own autograd, as its users write them, right and spoilt; without torch these are skipped."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.random((32, 20)), RNG.integers(0, 10, 32)
KINDS = [torch.float64, torch.float32]


def net_of(cost="cross_entropy"):
    return cd.Network([20, 12, 12, 10], "tanh", cost, init="large", rng=1)


def model_of(weights, biases, kind):
    """A torch.nn model with a network's numbers."""
    layers = []
    for W, b in zip(weights, biases, strict=True):
        linear = torch.nn.Linear(W.shape[1], W.shape[0], dtype=kind)
        linear.weight.data, linear.bias.data = torch.as_tensor(W, dtype=kind), torch.as_tensor(b, dtype=kind)
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def cost_of(out, labels, cost):
    labels = torch.as_tensor(labels)
    if cost == "log_likelihood":
        return torch.nn.functional.cross_entropy(out, labels)
    wanted, count = torch.nn.functional.one_hot(labels, out.shape[1]).to(out.dtype), len(labels)
    if cost == "quadratic":
        return ((torch.tanh(out) - wanted) ** 2).sum() / 2 / count
    return torch.nn.functional.binary_cross_entropy_with_logits(out, wanted, reduction="sum") / count


def autograd(kind=torch.float64, cost="cross_entropy", returned=lambda model: pair(model), spoil=lambda model: None):
    def gradients(weights, biases, images, labels):
        model = model_of(weights, biases, kind)
        cost_of(model(torch.as_tensor(images, dtype=kind)), labels, cost).backward()
        spoil(model)
        return returned(model)

    return gradients


def pair(model, of=lambda parameter: parameter.grad):
    return [of(m.weight) for m in model[::2]], [of(m.bias) for m in model[::2]]


def judged(gradients, net=None, **named):
    return cd.verify(net or net_of(), gradients=gradients, images=IMAGES, labels=LABELS, **named)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cost", ["cross_entropy", "log_likelihood", "quadratic"])
def test_autograd_s_gradients_pass_and_a_thousandth_in_one_of_them_does_not(cost, kind):
    found = judged(autograd(kind, cost), net_of(cost), methods=("complex step",))
    assert found.passed
    assert found.diagnosis is None
    assert found.smallest_noticed < (1e-10 if kind == torch.float64 else 1e-4)
    for layer in range(3):
        for part, name in (("weight", "weights"), ("bias", "biases")):

            def spoil(model, layer=layer, part=part):
                getattr(model[2 * layer], part).grad *= 1.001

            wrong = judged(autograd(kind, cost, spoil=spoil), net_of(cost), methods=("complex step",))
            assert not wrong.passed
            assert wrong.diagnosis.startswith(f"of {name}[{layer}] the gradient is 1.001 times the mean")


RETURNED = {
    "parameters in order": lambda model: [p.grad for p in model.parameters()],
    "by name": lambda model: {name: p.grad for name, p in model.named_parameters()},
    "weights and biases by name": lambda model: dict(zip(("weights", "biases"), pair(model), strict=True)),
    "tuples": lambda model: tuple(map(tuple, pair(model))),
    "a generator": lambda model: (p.grad for p in model.parameters()),
    "still differentiable": lambda model: pair(model, lambda p: p.grad * torch.ones((), requires_grad=True)),
    "a negated view": lambda model: pair(model, lambda p: torch._neg_view(-p.grad)),
    "on the way out": lambda model: pair(model, lambda p: p.grad.cpu().numpy()),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", RETURNED)
def test_tensors_are_taken_in_every_form_in_which_a_model_hands_them_out(how, kind):
    step = {"methods": ("complex step",)}
    assert judged(autograd(kind, returned=RETURNED[how]), **step).passed

    def spoil(model):
        model[2].bias.grad *= 1.001

    wrong = judged(autograd(kind, returned=RETURNED[how], spoil=spoil), **step)
    assert wrong.worst.parameter == "biases[1]"
    assert not wrong.passed


def test_autograd_grad_and_func_grad_pass_as_they_return_them():
    def cost(weights, biases, images, labels):
        a = images
        for k, (W, b) in enumerate(zip(weights, biases, strict=True)):
            a = torch.nn.functional.linear(torch.tanh(a) if k else a, W, b)
        return cost_of(a, labels, "cross_entropy")

    def flat(weights, biases, images, labels):
        leaves = [torch.tensor(p, requires_grad=True) for both in zip(weights, biases, strict=True) for p in both]
        found = cost(leaves[::2], leaves[1::2], torch.tensor(images), labels)
        return torch.autograd.grad(found, leaves, create_graph=True)

    def functional(weights, biases, images, labels):
        tensors = [[torch.tensor(p) for p in part] for part in (weights, biases)]
        return torch.func.grad(cost, argnums=(0, 1))(*tensors, torch.tensor(images), labels)

    for gradients in (flat, functional):
        assert judged(gradients, methods=("complex step",)).passed


@pytest.mark.parametrize(("returned", "said"), [
    (lambda model: pair(model, lambda p: None), r"of weights\[0\] is None; call backward\(\)"),
    (lambda model: [p.grad.grad for p in model.parameters()], r"of weights\[0\] is None; call backward\(\)"),
    (lambda model: pair(model, lambda p: p.grad.bfloat16()), "BFloat16"),
    (lambda model: pair(model, lambda p: p.grad.half()), "float16; give float32 or float64"),
    (lambda model: pair(model, lambda p: p.grad.to_sparse()), "to_dense"),
    (lambda model: pair(model, lambda p: p.grad.to("meta")), "no data"),
    (lambda model: [p.grad for p in model.parameters()][:5], "returns 5 things"),
    (lambda model: (pair(model)[0], torch.cat(pair(model)[1])), "34 arrays for the biases; give 3"),
    (lambda model: model[0](torch.zeros(7)), "raises RuntimeError: .*same dtype"),
    (lambda model: model(np.zeros(20)), "raises TypeError: .*must be Tensor"),
])  # fmt: skip
def test_what_autograd_has_not_made_is_refused_in_one_line(returned, said):
    with pytest.raises((BadValue, cd.errors.BadShape), match=said) as caught:
        judged(autograd(returned=returned))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("by", "said"), [
    (lambda p: p, "the gradient is the parameter itself, and no gradient"),
    (lambda p: -p.grad, "their sign is wrong in every layer"),
    (lambda p: 32 * p.grad, "they are 32 times the mean: the sum over the 32 images"),
    (lambda p: p.grad / 10, "they are 1/10 of the mean, in every layer"),
], ids=["no .grad", "ascent", "sum", "mean of outputs"])  # fmt: skip
def test_what_is_wrong_with_tensors_is_said(by, said):
    found = judged(autograd(returned=lambda model: pair(model, by)), methods=("complex step",))
    assert not found.passed
    assert said in found.diagnosis


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_s_gradient_by_autograd_passes_and_one_that_is_off_does_not(kind):
    def claim(w, b, x, y, detached=False):
        w, b = (torch.tensor(p, dtype=kind, requires_grad=True) for p in (w, b))
        a = torch.tensor(x, dtype=kind)
        for k in range(3):
            a = torch.sigmoid(w[k] * a + b[k])
            a = a.detach() + 0 * b[0] if detached and k == 1 else a
        ((a - y) ** 2 / 2).backward()
        return b.grad[0] if not detached else b.grad[2]

    chain = cd.Chain(3)
    assert cd.verify(chain, claim, wrt="b1").passed
    assert not cd.verify(chain, lambda *at: 1.001 * claim(*at), wrt="b1").passed
    cut = cd.verify(chain, lambda *at: claim(*at, detached=True), wrt="b1")
    assert (cut.passed, cut.diagnosis) == (False, "it is ∂C/∂b₃")
    with pytest.raises(BadValue, match="BFloat16"):
        cd.verify(chain, lambda *at: claim(*at).bfloat16(), wrt="b1")
    with pytest.raises(BadValue, match="raises RuntimeError: .*requires_grad|does not require grad"):
        cd.verify(chain, lambda w, b, x, y: torch.tensor(y).backward(), wrt="b1")
