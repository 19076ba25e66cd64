"""Watching a module of torch, against torch in float64 and mpmath; what people report of other tools is shown right."""

import math

import mpmath
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, UnknownName

torch = pytest.importorskip("torch", reason="torch is not installed; trees of arrays are watched without it")
SIZES = ("log10_norm_mean_bias_gradient", "log10_norm_weight_gradient", "log10_relative_weight_gradient")


def stack(depth, neuron, width=30, seed=0):
    torch.manual_seed(seed)
    made = [part for _ in range(depth) for part in (torch.nn.Linear(width, width), neuron())]
    return torch.nn.Sequential(*made)


def backward(model, x=None, scale=1.0):
    x = torch.randn(16, 30, generator=torch.Generator().manual_seed(1)) if x is None else x
    (scale * model(x.to(next(model.parameters()).dtype)).float().square().mean()).backward()


def by_mpmath(tensor):
    with mpmath.workdps(50):
        return float(mpmath.log10(mpmath.norm([mpmath.mpf(x) for x in tensor.detach().double().flatten().tolist()])))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_every_size_of_every_layer_is_that_of_the_numbers_in_grad(dtype):
    model = stack(20, torch.nn.Sigmoid).to(getattr(torch, dtype))
    w = cd.watch(model)
    backward(model)
    for layer, linear in zip(w.tick().layers, model[::2], strict=True):
        bias, weight = by_mpmath(linear.bias.grad), by_mpmath(linear.weight.grad)
        want = (bias, weight, weight - by_mpmath(linear.weight))
        assert [getattr(layer, name) for name in SIZES] == pytest.approx(want, rel=1e-6), layer


def test_the_first_of_35_sigmoid_layers_has_a_gradient_where_torchs_own_norm_is_0():
    model = stack(35, torch.nn.Sigmoid)
    w = cd.watch(model)
    backward(model)
    truth = stack(35, torch.nn.Sigmoid).double()
    backward(truth, torch.randn(16, 30, generator=torch.Generator().manual_seed(1)).double())
    record = w.tick()
    assert model[0].weight.grad.norm() == 0
    assert record.layers[0].log10_norm_weight_gradient == pytest.approx(by_mpmath(truth[0].weight.grad), rel=1e-5)
    assert record.verdict == "vanishing"
    assert record.layers[0].verdict == "vanishing"


def test_the_norm_of_float32_gradients_of_1e_23_is_told():
    model = torch.nn.Linear(6, 5)
    model.weight.grad, model.bias.grad = torch.full((5, 6), 1e-23), torch.zeros(5)
    assert model.weight.grad.norm() == 0
    (layer,) = cd.watch(model).tick().layers
    assert layer.log10_norm_weight_gradient == pytest.approx(math.log10(30**0.5 * float(np.float32(1e-23))), rel=1e-12)
    assert layer.log10_norm_mean_bias_gradient == -math.inf


def test_gradients_that_underflow_float32_are_vanishing_and_not_blocked():
    model = stack(120, torch.nn.Sigmoid, width=16)
    w = cd.watch(model)
    backward(model, torch.ones(4, 16))
    record = w.tick()
    assert record.layers[0].log10_norm_weight_gradient == -math.inf
    assert record.verdict == "vanishing"
    assert "underflows" in record.sentence


def test_a_layer_of_dead_relus_blocks():
    model = stack(4, torch.nn.ReLU)
    w = cd.watch(model)
    with torch.no_grad():
        model[0].bias -= 100
    backward(model)
    record = w.tick()
    assert record.verdict == "blocked"
    assert record.layers[0].verdict == "blocked"


@pytest.mark.slow
def test_in_place_neurons_and_compilation_are_watched_and_left_as_they_are():
    def gradients(model, watched):
        w = cd.watch(watched, every=1)
        backward(model)
        return w, [parameter.grad.clone() for parameter in watched.parameters()]

    bare = stack(4, torch.nn.ReLU)
    backward(bare)
    want = [parameter.grad for parameter in bare.parameters()]
    in_place = stack(4, lambda: torch.nn.ReLU(inplace=True))
    first, got = gradients(in_place, in_place)
    compiled = torch.compile(stack(4, lambda: torch.nn.ReLU(inplace=True)), backend="eager", fullgraph=True)
    second, also = gradients(compiled, compiled)
    inner = stack(4, lambda: torch.nn.ReLU(inplace=True))
    third, too = gradients(torch.compile(inner, backend="eager", fullgraph=True), inner)
    for these in (got, also, too):
        assert all(torch.equal(one, other) for one, other in zip(want, these, strict=True))
    told = [w.tick() for w in (first, second, third)]
    assert told[0].layers == told[1].layers == told[2].layers
    assert first.layers == second.layers == ("0", "2", "4", "6")


def scaled_step(factor=2.0**10):
    """A model after backward() of a scaled cost under float16's autocast, with its optimizer and scaler."""
    model = stack(3, torch.nn.ReLU)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=factor)
    w = cd.watch(model, every=1)
    with torch.autocast("cpu", torch.float16):
        cost = model(torch.ones(4, 30)).float().square().mean()
    scaler.scale(cost).backward()
    return model, optimizer, scaler, w


def test_the_scale_of_a_scaler_is_divided_by_once_before_and_never_after_its_unscaling():
    model, optimizer, scaler, w = scaled_step()
    before = w.tick(scale=scaler)
    scaler.unscale_(optimizer)
    after = w.tick(scale=scaler)
    own = w.tick(scale=(scaler, optimizer))
    assert (before.scale, after.scale, own.scale) == (1024, 1, 1)
    for record in (before, after, own):
        for layer, linear in zip(record.layers, model[::2], strict=True):
            assert layer.log10_norm_weight_gradient == pytest.approx(by_mpmath(linear.weight.grad), rel=1e-6)


def test_a_scaler_that_has_stepped_is_refused_and_one_that_was_updated_leaves_sizes_out():
    _, optimizer, scaler, w = scaled_step()
    scaler.step(optimizer)
    with pytest.raises(BadValue, match="stepped already; tick after backward"):
        w.tick(scale=scaler)
    scaler.update()
    record = w.tick(scale=scaler)
    assert record.scale is None
    assert math.isnan(record.layers[0].log10_norm_weight_gradient)
    assert "after the optimizer's step" in record.notes[0]


def test_of_several_optimizers_at_different_stages_the_own_one_is_asked_for():
    _, optimizer, scaler, w = scaled_step()
    other = torch.nn.Linear(2, 2)
    another = torch.optim.SGD(other.parameters(), 0.1)
    scaler.scale(other(torch.ones(1, 2)).sum()).backward()
    scaler.unscale_(another)
    scaler._per_optimizer_states[id(optimizer)]  # asked for, which makes it READY
    with pytest.raises(BadValue, match=r"give scale=\(scaler, optimizer\)"):
        w.tick(scale=scaler)
    assert w.tick(scale=(scaler, optimizer)).scale == 1024
    assert w.tick(scale=(scaler, another)).scale == 1


def test_under_float16s_autocast_without_a_scale_sizes_are_left_out_and_the_verdict_stands():
    record = scaled_step()[3].tick()
    assert record.scale is None
    assert all(math.isnan(getattr(layer, name)) for layer in record.layers for name in SIZES)
    assert record.verdict == "healthy"
    assert "give scale=scaler" in record.notes[0]
    assert scaled_step()[3].tick(scale=1024).scale == 1024


def test_a_scaler_that_is_switched_off_scales_nothing():
    model = stack(3, torch.nn.ReLU)
    backward(model)
    assert cd.watch(model).tick(scale=torch.amp.GradScaler("cpu", enabled=False)).scale == 1


def test_a_training_whose_first_steps_overflow_is_logged_as_overflowed_and_then_as_it_is():
    model = stack(3, torch.nn.ReLU)
    optimizer, scaler = torch.optim.SGD(model.parameters(), 1e-3), torch.amp.GradScaler("cpu", init_scale=2.0**24)
    with cd.watch(model, every=100) as w:
        for _ in range(30):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.float16):
                cost = model(torch.ones(4, 30)).square().mean()
            scaler.scale(cost).backward()
            w.tick(scale=scaler)
            scaler.step(optimizer)
            scaler.update()
    assert scaler.get_scale() < 2.0**24
    first, *_, last = w.records
    assert (first.overflowed, first.verdict, first.accused) == (True, "unknown", False)
    assert "GradScaler skips it" in first.sentence
    assert (last.overflowed, last.verdict) == (False, "healthy")
    assert math.isfinite(last.layers[0].log10_norm_weight_gradient)
    assert len(w.records) == last.step + 1 < 30


def test_nan_without_autocast_is_no_overflow_and_names_where_it_begins():
    model = stack(4, torch.nn.Tanh)
    backward(model)
    model[0].weight.grad[0, 0] = model[2].weight.grad[0, 0] = math.nan
    record = cd.watch(model).tick()
    assert (record.overflowed, record.verdict, record.culprit) == (False, "unknown", 2)
    assert not record.layers[0].finite
    assert "not finite" in str(record)


def test_ticks_after_the_step_are_as_good_where_nothing_is_scaled():
    model = stack(3, torch.nn.ReLU)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    w = cd.watch(model, every=1)
    backward(model)
    before = w.tick()
    optimizer.step()
    after = w.tick()
    sizes = [(r.layers[0].log10_norm_weight_gradient, r.scale, r.notes) for r in (before, after)]
    assert sizes[0] == sizes[1]


def test_what_has_no_gradient_is_told_and_the_rest_is_judged():
    model = stack(4, torch.nn.ReLU)
    model[0].requires_grad_(False)
    w = cd.watch(model, every=1)
    assert w.tick().verdict == "unknown"
    assert "tick after backward()" in w.latest.sentence
    backward(model)
    record = w.tick()
    assert record.verdict == "healthy"
    assert record.layers[0].verdict == "unknown"
    assert math.isnan(record.layers[0].log10_norm_weight_gradient)


def test_normalisation_by_the_batch_takes_biases_off_and_they_are_not_accused():
    torch.manual_seed(0)
    blocks = [m for _ in range(4) for m in (torch.nn.Linear(30, 30), torch.nn.BatchNorm1d(30), torch.nn.ReLU())]
    model = torch.nn.Sequential(*blocks, torch.nn.Linear(30, 5))
    w = cd.watch(model)
    backward(model, torch.randn(64, 30))
    record = w.tick()
    assert record.layers[0].log10_norm_mean_bias_gradient < record.layers[0].log10_norm_weight_gradient - 5
    assert (record.verdict, record.basis) == ("healthy", "weights")


@pytest.mark.parametrize(("make", "names"), [
    (lambda: torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 3)), ("weight",)),
    (lambda: torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.GroupNorm(2, 8), torch.nn.Flatten()), ("0",)),
    (lambda: torch.nn.Sequential(torch.nn.Embedding(5, 4, sparse=True), torch.nn.Linear(4, 2)), ("0", "1")),
    (lambda: torch.nn.ModuleDict({"fc10": torch.nn.Linear(2, 2), "fc9": torch.nn.Linear(2, 2)}), ("fc9", "fc10")),
])  # fmt: skip
def test_layers_of_modules_as_people_build_them(make, names):
    assert cd.watch(make()).layers == names


def test_sparse_gradients_of_an_embedding_are_measured():
    model = torch.nn.Sequential(torch.nn.Embedding(50, 4, sparse=True), torch.nn.Linear(4, 2))
    w = cd.watch(model)
    model(torch.tensor([[3, 3, 7]])).sum().backward()
    want = by_mpmath(model[0].weight.grad.to_dense())
    assert w.tick().layers[0].log10_norm_weight_gradient == pytest.approx(want, rel=1e-6)


def test_a_module_without_shapes_or_layers_is_refused_and_the_hook_goes_with_the_context():
    with pytest.raises(BadValue, match="call the module once before it is watched"):
        cd.watch(torch.nn.LazyLinear(3))
    with pytest.raises(BadValue, match="no parameter is a weight"):
        cd.watch(torch.nn.LayerNorm(3))
    with pytest.raises(UnknownName, match="layer 'fc' is unknown"):
        cd.watch(torch.nn.Sequential(torch.nn.Linear(2, 2)), layers=["fc"])
    model = torch.nn.Linear(2, 2)
    with cd.watch(model):
        assert len(model._forward_pre_hooks) == 1
    assert not model._forward_pre_hooks


def test_parameters_that_a_loaded_state_puts_in_place_of_others_are_watched():
    model = stack(2, torch.nn.ReLU)
    w = cd.watch(model)
    model.load_state_dict({k: 2 * v for k, v in model.state_dict().items()}, assign=True)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    backward(model)
    assert w.tick().layers[1].log10_norm_weight_gradient == pytest.approx(by_mpmath(model[2].weight.grad), rel=1e-6)
