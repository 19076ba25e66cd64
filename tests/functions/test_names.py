"""Names as people write them lead to the catalogue, and no name is answered with another mathematics."""

from pathlib import Path

import pytest

import chainderiv as cd
from chainderiv.errors import UnknownName, bare, misspelt
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.lookup import neuron
from chainderiv.functions.neurons.table import ROWS
from chainderiv.nn.initialise import INITIALISERS, initialiser

CALLED = {
    "swish": "silu", "SiLU": "silu", "linear": "identity", "GELU": "gelu", "Leaky ReLU": "leaky_relu",
    "LeakyReLU": "leaky_relu", "leaky-relu": "leaky_relu", "hard_tanh": "hardtanh", "HardTanh": "hardtanh",
    "logistic": "sigmoid", "atan": "arctan", "Hardswish": "hardswish", "hard_swish": "hardswish", "ReLU6": "relu6",
    "LogSigmoid": "logsigmoid", "QuickGELU": "quick_gelu", "gelu_new": "gelu_tanh", "squared_relu": "relu2",
    "Softsign": "softsign", "PReLU": "prelu", "nn.GELU": "gelu", "torch.nn.LeakyReLU": "leaky_relu", "F.gelu": "gelu",
    "jax.nn.gelu": "gelu", "torch.nn.functional.silu": "silu", "tf.nn.relu": "relu", "nn.ReLU()": "relu",
    "keras.activations.elu": "elu",
}  # fmt: skip
# neurons of the literature that are not in the catalogue, most of them a letter away from one that is
OTHERS = [
    "rrelu", "crelu", "srelu", "brelu", "drelu", "trelu", "frelu", "pelu", "telu", "glu", "geglu", "reglu",
    "swiglu", "softmax", "softmin", "softexp", "hardmish", "elish", "lisht", "hardshrink", "threshold", "sinc",
    "sine", "tan", "sinh", "cos", "ptelu", "isru", "isrlu", "bent_identity", "eswish", "logish", "serf", "smht",
    "gcu", "dsu", "maxout", "stair", "hardelu", "eelu", "nelu",
]  # fmt: skip


@pytest.mark.parametrize("given", CALLED)
def test_what_people_call_a_neuron_leads_to_it_and_its_own_name_is_shown(given):
    assert neuron(given) is ACTIVATIONS[CALLED[given]]
    assert cd.Chain(2, given).activations[0].name == CALLED[given]


@pytest.mark.parametrize("given", ["nn.Foo", "nn.", "my.gelu", "z.gelu", "nn.GELU(z)", "GELU.nn", "torch.gelu.x", "()"])
def test_another_home_or_another_word_at_home_is_no_neuron_of_the_catalogue(given):
    with pytest.raises(UnknownName, match="is unknown"):
        neuron(given)


def test_no_two_neurons_answer_to_one_name():
    words = [bare(word) for row in ROWS.values() for word in (row.name, *row.aliases)]
    assert len(set(words)) == len(words)


def test_every_other_name_and_every_parameter_stands_in_the_reference():
    page = " ".join((Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8").split())
    for row in ROWS.values():
        assert all(f"`{alias}` is `{row.name}`" in page for alias in row.aliases)
        stated = ", ".join(f"{p.word}={p.default}" for p in row.parameters)
        assert not stated or f"`{row.name}(z, {stated})`" in page


@pytest.mark.parametrize("given", OTHERS)
def test_another_neuron_s_name_is_no_misspelling_of_one_that_is_known(given):
    with pytest.raises(UnknownName, match="is unknown") as caught:
        neuron(given)
    assert "did you mean" not in str(caught.value)


def slips(word):
    """A letter left out, doubled, wrong, and two that changed places."""
    for k in range(1, len(word)):
        yield word[:k] + word[k + 1 :]
        yield word[:k] + word[k] + word[k:]
        yield word[:k] + "q" + word[k + 1 :]
        yield word[: k - 1] + word[k] + word[k - 1] + word[k + 1 :]


def test_a_slip_in_a_long_name_is_answered_with_it_or_with_nothing_where_two_could_be_meant():
    answered = 0
    for name in (n for n in ACTIVATIONS if len(n) > 6):
        for slip in set(slips(name)) - {name}:
            found = misspelt(slip, ACTIVATIONS)
            assert found in (name, None), slip
            answered += found is not None
    assert answered > 300


@pytest.mark.parametrize(("given", "near"), [("sigmiod", "sigmoid"), ("tnh", "tanh"), ("leaky_rellu", "leaky_relu")])
def test_a_misspelling_is_answered_with_the_name(given, near):
    with pytest.raises(UnknownName, match=f"did you mean '{near}'"):
        neuron(given)


def test_an_unknown_name_is_told_that_a_formula_will_do_and_that_formula_does():
    with pytest.raises(UnknownName) as caught:
        neuron("xyzzy")
    advice = str(caught.value).partition("a formula will do: ")[2]
    f = eval(advice, {"Activation": cd.Activation})
    assert cd.verify(cd.Chain(2, f), points=3).passed


@pytest.mark.parametrize(("given", "known"), [
    ("kaiming", "he"), ("kaiming_normal", "he"), ("kaiming_normal_", "he"), ("He", "he"), ("he_normal", "he"),
    ("xavier", "glorot"), ("xavier_normal", "glorot"), ("Glorot", "glorot"), ("glorot_normal", "glorot"),
    ("LeCun", "lecun"), ("lecun_normal", "lecun"), ("nielsen", "nielsen"),
    ("kaiming_uniform", "he_uniform"), ("kaiming_uniform_", "he_uniform"), ("he_uniform", "he_uniform"),
    ("xavier_uniform", "glorot_uniform"), ("Xavier Uniform", "glorot_uniform"), ("orthogonal_", "orthogonal"),
    ("lecun_uniform", "lecun_uniform"), ("Critical", "critical"),
])  # fmt: skip
def test_an_initialiser_is_known_by_its_other_names_and_shown_by_its_own(given, known):
    assert initialiser(given) is INITIALISERS[known]
    assert cd.Network([4, 3, 2], init=given, rng=0).init == known


@pytest.mark.parametrize("given", ["uniform", "normal", "xavier_sparse", "dirac", "hee", "", 3, None])
def test_an_unknown_initialiser_never_becomes_another_thing(given):
    with pytest.raises(UnknownName, match="is unknown") as caught:
        initialiser(given)
    assert "did you mean" not in str(caught.value)
    assert "numbers will do: sigma_w=1.5" in str(caught.value)
