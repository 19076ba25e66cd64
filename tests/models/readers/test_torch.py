"""A module of torch that lives is read as it computes, and left as it was; a checkpoint runs nothing."""

import copy
import importlib
import math
import sys

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, ChainderivError, MissingExtra
from chainderiv.models.readers.reading import read
from tests.models.readers.plain import OPERATORS, forward, run
from tests.models.readers.to_onnx import run_onnx

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own, of what it deprecates
nn = torch.nn
modules = importlib.import_module("tests.models.readers.torch_modules")
MODULES = modules.modules()


def off(got, wanted):
    assert got.shape == wanted.shape
    return np.abs(got - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("name", MODULES)
def test_the_graph_computes_what_the_module_does_and_leaves_it_as_it_was(name):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    module, given = MODULES[name]
    wanted = copy.deepcopy(module)(*given).detach().numpy()
    kept = {k: v.clone() for k, v in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    graph = read(module, inputs=given)
    assert off(run_onnx(graph, *(x.numpy() for x in given)), wanted) < 2e-6
    assert not [node.operator for node in graph.nodes if node.operator.startswith("aten")]
    assert all((v == kept[k]).all() for k, v in module.state_dict().items())
    assert modes == [part.training for part in module.modules()]
    assert graph.inputs[0].shape == (None, *given[0].shape[1:])


def test_a_weight_that_is_off_by_a_thousandth_would_be_seen():
    module, given = MODULES["plain"]
    wanted = module(*given).detach().numpy()
    graph = read(module, inputs=given)
    assert off(run(graph, given[0].double().numpy()), wanted) < 1e-6
    graph.constants["0.weight"][0, 0] *= 1.01
    assert off(run(graph, given[0].double().numpy()), wanted) > 1e-6


def test_any_number_of_examples_passes_through():
    module, given = MODULES["vision"]
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    graph, x = read(module, inputs=given), torch.randn(7, 3, 8, 8)
    assert off(run_onnx(graph, x.numpy()), module(x).detach().numpy()) < 2e-6


def test_layers_are_called_as_the_module_calls_them():
    names = [node.name for node in read(*MODULES["encoder"][:1], inputs=MODULES["encoder"][1]).nodes]
    assert names[0] == "layers.0.norm1"
    assert {"layers.1.linear1", "layers.1.linear2", "layers.0.self_attn"} <= set(names)


def test_in_training_a_batch_normalisation_takes_the_statistics_of_the_batch_and_dropout_is_left_out_with_a_word(
    monkeypatch,
):
    module = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 2))
    x = torch.randn(8, 6)
    graph = read(module, inputs=x)
    assert any("dropout was left out" in note for note in graph.notes)
    assert [n.attributes.get("training_mode") for n in graph.nodes] == [None, 1, None]
    h = module[0](x).detach().numpy().astype(float)
    h = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5)
    wanted = h @ module[3].weight.detach().numpy().T + module[3].bias.detach().numpy()

    def norm(node, z, *_):
        return (z - z.mean(0)) / np.sqrt(z.var(0) + node.attributes["epsilon"])

    monkeypatch.setitem(OPERATORS, "BatchNormalization", norm)
    assert off(run(graph, x.double().numpy()), wanted) < 1e-6
    assert not read(module.eval(), inputs=x).notes


def test_double_precision_is_read_to_the_last_digits():
    module, x = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double(), torch.randn(5, 4).double()
    assert off(run(read(module, inputs=x), x.numpy()), module(x).detach().numpy()) < 1e-14


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)), (None, 6)),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 5)), (None, 784)),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 26 * 26, 3)), (None, 1, 28, 28)),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(), (None, 16, 8)),
    ],
)
def test_where_no_inputs_are_given_the_first_layer_suggests_them_and_a_note_says_so(module, shape):
    graph = read(module)
    assert graph.inputs[0].shape[1:] == shape[1:] or graph.inputs[0].shape == (None, 8)
    assert "no inputs were given" in graph.notes[0]


def test_an_operator_that_is_not_known_is_handed_on_by_torchs_name():
    module = modules.Of(lambda s, x: torch.fft.rfft(s.a(x)).abs(), a=nn.Linear(6, 4))
    graph = read(module, inputs=torch.randn(3, 6))
    assert [n.operator for n in graph.nodes] == ["Gemm", "aten.fft_rfft", "Abs"]


def test_of_several_results_that_are_not_known_each_keeps_its_sizes():
    module = modules.Of(lambda s, x: torch.cat([torch.sort(s.a(x))[0], x], -1), a=nn.Linear(6, 4))
    assert [n.operator for n in read(module, inputs=torch.randn(3, 6)).nodes] == ["Gemm", "aten.sort", "Concat"]


def _in_part(self, x):
    h = self.a(x)
    h[:, 0].relu_()
    return h


def _through_the_same(self, x):
    h = self.a(x)
    h.contiguous().relu_()
    return h


def test_what_is_written_through_another_name_is_seen():
    module = modules.Of(_through_the_same, a=nn.Linear(3, 4))
    assert [n.operator for n in read(module).nodes] == ["Gemm", "Relu"]


def _branches(self, x):
    return self.a(x) if x.sum() > 0 else x


REFUSED = {
    "holds LSTM at '0', a recurrent cell": nn.Sequential(nn.LSTM(3, 4)),
    "holds GRU at 'a', a recurrent cell": modules.Of(lambda s, x: s.a(x)[0], a=nn.GRU(3, 4)),
    "holds LSTMCell at 'a', a recurrent cell": modules.Of(lambda s, x: s.a(x)[0], a=nn.LSTMCell(3, 4)),
    "written in place": modules.Of(_in_part, a=nn.Linear(3, 4)),
    "does not tell what it takes": modules.Of(lambda s, x: x),
    "give inputs=": modules.Of(_branches, a=nn.Linear(3, 3)),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_not_followed_is_told_in_one_line(why):
    with pytest.raises(BadValue) as caught:
        read(REFUSED[why])
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_are_nan_and_inputs_that_do_not_fit_are_told():
    module = nn.Linear(3, 2)
    with pytest.raises(BadValue, match="cannot be exported"):
        read(module, inputs=np.ones((2, 7)))
    module.weight.data[0, 0] = torch.nan
    with pytest.raises(BadValue, match="1 of 6 numbers that are NaN or inf in 'weight'"):
        read(module)
    with pytest.raises(BadValue, match="states its own"):
        read(module, "tanh")


def test_what_stands_around_a_module_is_left_out_and_one_without_numbers_is_told():
    module, given = MODULES["plain"]
    around = [torch.compile(module), nn.DataParallel(module)]
    assert [[n.name for n in read(one, inputs=given).nodes] for one in around] == [["0", "1", "2", "3", "4"]] * 2
    with pytest.raises(BadValue, match="call it once with an example"):
        read(nn.Sequential(nn.LazyLinear(3)))
    with pytest.raises(BadValue, match="which has no numbers"):
        read(nn.Linear(3, 2, device="meta"))


def test_a_state_dict_is_read_live_and_from_its_file_and_from_a_checkpoint(tmp_path):
    module = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    layers = [
        (m.weight.detach().double().numpy(), m.bias.detach().double().numpy()) for m in module if hasattr(m, "weight")
    ]
    x = np.random.default_rng(0).normal(size=(4, 3))
    wanted = forward(layers, x, np.tanh)
    state = module.state_dict()
    torch.save(state, tmp_path / "m.pt")
    torch.save({"epoch": 3, "model_state_dict": state, "optimizer": {}}, tmp_path / "checkpoint.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for given in (state, tmp_path / "m.pt", tmp_path / "checkpoint.pth", tmp_path / "old.pth"):
        assert off(run(read(given, "tanh", "identity"), x), wanted) < 1e-14
    half = {k: v.bfloat16() for k, v in state.items()}
    assert off(run(read(half, "tanh", "identity"), x), wanted) < 0.05


class Trap:
    """A pickle that would leave a trace."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_a_checkpoint_that_would_run_code_runs_none(tmp_path):
    trace = tmp_path / "trace"
    for name, content in {"trap": {"w": Trap(str(trace))}, "module": nn.Linear(2, 2)}.items():
        torch.save(content, tmp_path / f"{name}.pt")
        with pytest.raises(BadValue, match="would run code"):
            read(tmp_path / f"{name}.pt", "tanh")
    assert not trace.exists()
    torch.load(tmp_path / "trap.pt", weights_only=False)["w"].close()
    assert trace.exists()


def test_a_tensor_that_states_a_million_million_numbers_of_one_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(1).expand(10**6, 10**6)}, tmp_path / "m.pt")
    with pytest.raises(BadValue, match=r"asks for 8e\+12 bytes"):
        read(tmp_path / "m.pt", "tanh")
    with pytest.raises(BadValue, match=r"asks for 8e\+12 bytes"):
        read({"weight": torch.zeros(1).expand(10**6, 10**6)}, "tanh")


def test_a_torch_whose_weights_only_was_no_protection_is_refused(tmp_path, monkeypatch):
    torch.save({"weight": torch.ones(2, 2)}, tmp_path / "m.pt")
    monkeypatch.setattr(torch, "__version__", "2.5.1+cu121")
    with pytest.raises(BadValue, match=r"below 2\.6, whose weights_only=True can run code"):
        read(tmp_path / "m.pt", "tanh")


def test_a_program_of_torchscript_is_refused(tmp_path):
    script = torch.jit.script(nn.Linear(2, 2))
    script.save(tmp_path / "m.pt")
    for given in (script, tmp_path / "m.pt"):
        with pytest.raises(ChainderivError, match="TorchScript"):
            read(given)


def test_where_torch_is_missing_the_cure_is_told(tmp_path, monkeypatch):
    torch.save({"weight": torch.ones(2, 2)}, tmp_path / "m.pt")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"save it as safetensors"):
        read(tmp_path / "m.pt", "tanh")


def test_a_module_is_diagnosed_with_the_inputs_given_and_in_the_mode_that_it_is_in():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(),
                              torch.nn.Linear(4 * 49, 5)).double()  # fmt: skip
    x, labels = np.random.default_rng(0).normal(size=(6, 1, 9, 9)), np.arange(6) % 5
    assert cd.diagnose(net, x, labels).mode == "training"
    d = cd.diagnose(net.eval(), x, labels)
    assert d.mode == "evaluation"
    torch.nn.functional.cross_entropy(net(torch.tensor(x)), torch.tensor(labels)).backward()
    for told, layer in zip(d.layers, (net[0], net[4]), strict=True):
        assert told.log10_norm_mean_bias_gradient == pytest.approx(math.log10(layer.bias.grad.norm().item()), abs=1e-12)


def _beside_itself(self, x):
    h = self.a(x)
    return self.b(h.detach() * h)


def test_what_is_detached_lets_no_gradient_through_as_in_torch():
    torch.manual_seed(0)
    module = modules.Of(_beside_itself, a=nn.Linear(6, 6), b=nn.Linear(6, 3)).double()
    x = torch.randn(16, 6).double()
    d = cd.diagnose(module, x.numpy(), np.zeros((16, 3)), "quadratic")
    (module(x).square().sum() / 32).backward()
    wanted = [float(layer.bias.grad.norm().log10()) for layer in (module.a, module.b)]
    assert [one.name for one in d.layers] == ["a", "b"]
    np.testing.assert_allclose([one.log10_norm_mean_bias_gradient for one in d.layers], wanted, rtol=1e-12)


def _gated_without_gradient(self, x):
    h = torch.tanh(self.a(x))
    with torch.no_grad():
        gate = torch.sigmoid(h) * 2
        with torch.enable_grad():
            shift = self.c(gate)
    return self.b(h * gate + shift)


@pytest.mark.parametrize("whole", [False, True])
def test_nothing_comes_back_through_a_part_without_gradients(whole):
    torch.manual_seed(0)
    module = modules.Of(_gated_without_gradient, a=nn.Linear(6, 6), b=nn.Linear(6, 3), c=nn.Linear(6, 6)).double()
    x = torch.randn(16, 6).double()
    if whole:  # as of a forward for inference
        module.forward = torch.no_grad()(module.forward)
        assert not any(one.log10_norm_delta > -math.inf for one in cd.diagnose(module, x.numpy()).layers)
        return
    d = cd.diagnose(module, x.numpy(), np.zeros((16, 3)), "quadratic")
    (module(x).square().sum() / 32).backward()
    wanted = {name: float(getattr(module, name).bias.grad.norm().log10()) for name in "abc"}
    got = {one.name: one.log10_norm_mean_bias_gradient for one in d.layers}
    assert sorted(got) == ["a", "b", "c"]
    np.testing.assert_allclose([got[name] for name in "abc"], [wanted[name] for name in "abc"], rtol=1e-12)


def test_a_layer_on_sequences_keeps_the_name_of_its_weight_so_that_the_lines_to_paste_run():
    torch.manual_seed(0)
    module = nn.Sequential(*[layer for _ in range(6) for layer in (nn.Linear(16, 16), nn.LayerNorm(16), nn.Tanh())])
    x = np.random.default_rng(0).normal(size=(4, 5, 16))
    module[6].weight.data.mul_(100)
    d = cd.diagnose(module, x)
    assert (d.verdict, d.layers[d.culprit - 1].weight) == ("unbalanced", "6.weight")
    exec(d.cure("torch"), {"model": module})
    assert cd.diagnose(module, x).verdict == "healthy"


def test_a_class_of_ones_own_may_be_called_as_a_recurrent_layer_is():
    class RNN(nn.Module):
        def __init__(self):
            super().__init__()
            self.step = nn.Linear(3, 3)

        def forward(self, x):
            return torch.tanh(self.step(torch.tanh(self.step(x))))

    assert [node.operator for node in read(RNN()).nodes] == ["Gemm", "Tanh", "Gemm", "Tanh"]
    with pytest.raises(BadValue, match="holds RNN at 'inner', a recurrent cell"):
        read(nn.ModuleDict({"inner": nn.RNN(3, 3)}))


def test_a_batch_normalisation_that_has_seen_no_batch_is_told_in_evaluation():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2))
    x = np.random.default_rng(0).normal(size=(16, 6))

    def told():
        return any("that they start with" in note for note in cd.diagnose(module, x).notes)

    assert not told()
    module.eval()
    assert told()
    module[1].running_mean += 0.1
    assert not told()
