"""What docs/compared keeps of each peer is what its program prints today: words exactly, numbers to one in 100,000."""

import re

import pytest

import chainderiv as cd
from tests.printed import NUMBER, alike
from tests.test_site import DOCS, loaded

pytestmark = pytest.mark.filterwarnings("ignore")  # the peers' own

record = loaded("compared/record")
KEPT = [(name, kept) for name in record.PEERS for kept in [(DOCS / f"compared/{name}.txt").read_text(encoding="utf-8")]]


def is_kept(name, printed):
    """Whether that is what is kept, under the line that says what ran and when."""
    return alike(printed, dict(KEPT)[name].partition("\n")[2])


@pytest.mark.parametrize("name", ["gradcheck", "norm"])
def test_torch_prints_what_is_kept_of_it(name):
    pytest.importorskip("torch", reason="torch is not installed")
    assert is_kept(name, record.printed(name))


def test_the_page_on_gradients_of_ones_own_checks_torchs(capsys):
    pytest.importorskip("torch", reason="torch is not installed")
    (code,) = re.findall(
        r"^```python\n(.*?)^```$", (DOCS / "howto/own_gradient.md").read_text("utf-8"), flags=re.M | re.S
    )
    exec(compile(code, "own_gradient.md", "exec"), {"cd": cd})
    assert "\nagreed: " in capsys.readouterr().out


def test_jax_prints_what_is_kept_of_it():
    config = pytest.importorskip("jax", reason="jax is not installed").config
    before = config.jax_enable_x64  # the program sets it, and other tests know another
    try:
        assert is_kept("jax_grad", record.printed("jax_grad"))
    finally:
        config.update("jax_enable_x64", before)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wide_kernel", "transformed", "perceptron"])
def test_a_peer_that_no_extra_holds_prints_what_is_kept_of_it(name):
    if not record.is_there(name):
        pytest.skip(f"{record.PEERS[name]} stands in no extra")
    assert is_kept(name, record.printed(name))


@pytest.mark.parametrize(("name", "kept"), KEPT, ids=list(record.PEERS))
def test_a_figure_or_a_word_that_has_changed_is_told(name, kept):
    first, _, text = kept.partition("\n")
    assert re.fullmatch(rf"# {record.PEERS[name]} [\d.]+, \d{{4}}-\d\d-\d\d", first)
    assert is_kept(name, text)
    assert is_kept(name, NUMBER.sub(lambda found: repr(float(found[0]) * (1 + 1e-7)), text))
    for found in [*NUMBER.finditer(text), *re.finditer("True|False|zeros|chainderiv|phase", text)]:
        changed = repr(float(found[0]) * 1.0001 or 1e-300) if NUMBER.fullmatch(found[0]) else "otherwise"
        assert not is_kept(name, text[: found.start()] + changed + text[found.end() :]), found
