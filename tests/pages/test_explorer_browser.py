"""The explorer in a real browser: what is read under the pointer, keys, addresses, the fallback and accessibility."""

import csv
import io
import json
import math
import re
import sys
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

import chainderiv as cd
from benchmarks.explorer import browser_seconds, redraws
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.pages.explorer.formulas import formulas, shared_formulas
from chainderiv.pages.explorer.full_width import shipped
from chainderiv.pages.explorer.page import page_of
from tests.browser import chromium, missing
from tests.kinds import slow
from tests.pages.explored import OWN, data, judge_said, random_states, same, text
from tests.pages.test_html import of_blocks

# no GPU is asked for, and a container has no sandbox
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
DRAWN = "html[data-drawn='gl'], html[data-drawn='js'], html[data-drawn='wide']"


@pytest.fixture(scope="module")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(text(), encoding="utf-8")
    return path


class Opened:
    """A page, what it asked for, and what it complained of."""

    def __init__(self, browser, path, state="", script="", **options):
        self.asked, self.said = [], []
        self.page = browser.new_page(**{"viewport": {"width": 1100, "height": 900}, **options})
        self.page.add_init_script(script)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: message.type == "error" and self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(path.as_uri() + state)
        self.drawn()

    def drawn(self):
        self.page.wait_for_selector(DRAWN, state="attached", timeout=60_000)
        return self

    def set(self, state):
        self.page.evaluate("hash => { location.hash = hash; }", hash_of(state))
        if "point" in state:
            shown = "([w, up]) => { const { dataset } = document.getElementById('readout'); return +dataset.w === w && +dataset.up === up; }"
            self.page.wait_for_function(shown, arg=state["point"])
        return self.settle()

    def settle(self):
        """Until what was asked for is shown: events come first, then the next frame."""
        self.page.evaluate(
            "new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 20))"
        )
        return self

    def read(self):
        names = ("w", "up", "sign", "log")
        return [float(self.page.get_attribute("#readout", f"data-{name}")) for name in names]

    def close(self):
        self.page.close()
        assert not self.said, self.said


@pytest.fixture
def opened(browser, file):
    one = Opened(browser, file)
    yield one
    one.close()


def hash_of(state):
    def said(value):
        if isinstance(value, bool):
            return str(value).lower()
        return ",".join(map(repr, value)) if isinstance(value, list) else str(value)

    return "#" + "&".join(f"{name}={quote(said(value))}" for name, value in state.items())


def judge(one, states):
    def said(state):
        names = ("w", "up", "sign", "log")
        return dict(zip(names, one.set(state).read(), strict=True))

    judge_said(states, map(said, states))


def test_what_is_read_is_the_engines(opened):
    states = random_states(5, np.random.default_rng(5))
    judge(opened, [{**state, "engine": "javascript"} for state in states])  # which lets an unfinished map go


@pytest.mark.slow
def test_what_is_read_of_every_activation_is_the_engines(browser, tmp_path):
    path = tmp_path / "whole.html"
    path.write_text(text(whole=True), encoding="utf-8")
    one = Opened(browser, path, "#engine=javascript")
    states = [{**state, "engine": "javascript"} for state in random_states(200, np.random.default_rng(6), whole=True)]
    assert len({state["activation"] for state in states}) == len(ACTIVATIONS) + 1
    judge(one, states)
    one.close()


def test_the_value_under_the_pointer_is_the_engines(opened):
    box = opened.page.locator("#map").bounding_box()
    for part in (0.3, 0.5, 0.7):
        opened.page.mouse.move(box["x"] + part * box["width"], box["y"] + 0.4 * box["height"])
        opened.settle()
        w, b, sign, log = opened.read()
        want = cd.evaluate(cd.Chain(4), w, b)
        assert same(sign, log, want, 1e-9), (w, b, log, want)
    assert w != 6


def fonts_of(page):
    """The fonts that set a page's formulas, and whether they are the page's own."""
    devtools = page.context.new_cdp_session(page)
    for room in ("DOM", "CSS"):
        devtools.send(f"{room}.enable")
    root = devtools.send("DOM.getDocument")["root"]["nodeId"]
    leaves = devtools.send("DOM.querySelectorAll", {"nodeId": root, "selector": "mi, mn, mo, mtext"})["nodeIds"]
    found = [devtools.send("CSS.getPlatformFontsForNode", {"nodeId": one})["fonts"] for one in leaves]
    return {(font["familyName"], font["isCustomFont"]) for fonts in found for font in fonts}


def test_every_sign_of_every_formula_is_set_in_the_font_that_the_page_holds(opened, browser):
    own = {("STIX Two Math", True)}
    assert fonts_of(opened.page) == own
    pieces = [one for phi in (*ACTIVATIONS.values(), OWN) for one in formulas(phi).values()]
    whole = [cd.derive(cd.Chain(depth), wrt).to("mathml") for depth, wrt in ((40, "b1"), (3, ("b1", "w2")))]
    signs = set(re.findall(r"<m[ino][^>]*>[^<]+</m[ino]>", "".join([*shared_formulas().values(), *pieces, *whole])))
    assert {"<mi>σ</mi>", "<mi>softplus</mi>", "<mo>∂</mo>", "<mn>40</mn>"} <= signs
    page = browser.new_page()
    page.set_content(of_blocks("".join(f"<math>{sign}</math>" for sign in signs)))
    assert fonts_of(page) == own
    page.set_content(of_blocks("<math><mi>ℵ</mi></math>"))
    assert not fonts_of(page) & own
    page.close()


def test_the_page_asks_for_itself_alone(opened, file):
    opened.page.click("[data-preset=relu]")
    opened.settle().drawn()
    assert opened.asked == [file.as_uri()]


def test_the_keyboard_moves_the_point_and_reaches_every_control(opened):
    page = opened.page
    page.focus("#field")
    before = opened.read()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    opened.settle()
    after = opened.read()
    assert after[0] - before[0] == pytest.approx(0.24)
    assert after[1] - before[1] == pytest.approx(2.0)
    wanted = page.evaluate(
        "[...document.querySelectorAll('button, select, input, [tabindex=\"0\"]')]"
        ".filter(e => !e.disabled && e.tabIndex === 0 && e.checkVisibility()).length"
    )
    page.evaluate("document.activeElement.blur()")
    seen = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.dataset.preset || document.activeElement.innerText"
            )
        )
    assert {
        "language",
        "theme",
        "field",
        "formula",
        "point-w",
        "depth",
        "cut-w",
        "activation",
        "residual",
        "engine",
        "save-csv",
    } <= seen
    assert len(seen) >= wanted


@pytest.mark.slow
def test_the_address_keeps_the_state_and_gives_it_back(browser, opened, file):
    page = opened.page
    page.select_option("#activation", "tanh")
    page.fill("#x", "1.5")
    page.dispatch_event("#x", "change")
    page.check("#residual")
    page.click("#cut-w")
    opened.settle()
    page.wait_for_function("location.hash.includes('cut=')")
    address = page.evaluate("location.hash")
    again = Opened(browser, file, address)
    for one in (page, again.page):
        assert one.input_value("#activation") == "tanh"
        assert one.input_value("#x") == "1.5"
        assert one.is_checked("#residual")
        assert one.locator("#cut svg").count() == 1
    assert again.read() == opened.read()
    again.close()


STATES = [
    {},
    slow({"activation": "tanh", "depth": 20, "residual": True, "second": "z"}),
    slow({"activation": OWN.name}),
]
LOOKS = [{"color_scheme": "light"}, slow({"color_scheme": "dark"}), slow({"viewport": {"width": 380, "height": 800}})]


@pytest.mark.parametrize("state", STATES)
def test_the_command_and_the_python_lines_are_of_this_map(state, opened, tmp_path):
    import shlex

    from chainderiv.cli import main

    opened.set(state)
    words = shlex.split(opened.page.inner_text("#command"))
    out = tmp_path / "map.npz"
    words[words.index("map.png")] = str(out)
    words = [word.replace(":400", ":5") for word in words if word != "--quantity"]
    words.remove("gradient")
    assert main(words[1:]) == 0
    names: dict = {}
    exec(opened.page.inner_text("#snippet").replace(", 400)", ", 5)"), names)
    with np.load(out) as kept:
        assert np.array_equal(kept["log_abs"], names["s"].log_abs)
    assert names["s"].fixed["x"] == 0.5


@pytest.mark.slow
def test_the_map_of_32_bits_is_that_of_64_and_both_are_the_engines(browser, file):
    pixels = {}
    for name in ("auto", "javascript"):
        one = Opened(browser, file, hash_of({"depth": 20, "engine": name}))
        assert one.page.get_attribute("html", "data-drawn") == {"auto": "gl", "javascript": "js"}[name]
        pixels[name] = np.array(one.page.evaluate(
            "[...document.getElementById('map').getContext('2d').getImageData(60, 20, 300, 300).data]"))  # fmt: skip
        one.close()
    off = np.abs(pixels["auto"] - pixels["javascript"])
    # along the exploding strip orbits amplify the seventh digit, and its largest number sets the deepest orange
    assert np.mean(off > 8) < 0.02
    assert pixels["auto"].std() > 10


def test_a_browser_without_webgl2_draws_the_same_map_by_javascript(browser, file):
    without = """const own = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
            return kind === "webgl2" ? null : own.call(this, kind, ...more);
        };"""
    one = Opened(browser, file, script=without)
    assert one.page.get_attribute("html", "data-drawn") == "js"
    assert "JavaScript" in one.page.inner_text("#drawn")
    assert "runs from" in one.page.inner_text("#summary")
    one.close()


def test_the_benchmark_times_whole_redraws_by_what_it_names(opened):
    for engine, by in (("auto", "gl"), ("javascript", "js")):
        line = redraws(opened.page, "relu", engine, runs=2)
        assert (line.by, len(line.milliseconds)) == (by, 2)
        assert f"{min(line.milliseconds):9.0f}" in str(line)
        assert browser_seconds() > 0 or sys.platform != "linux"


@pytest.mark.slow
def test_the_saved_numbers_are_the_sweeps(opened):
    with opened.page.expect_download() as download:
        opened.page.click("#save-csv")
    rows = list(csv.reader(io.StringIO(download.value.path().read_text())))
    assert rows[0] == ["w", "b", "sign", "log_abs", "log10_abs", "rate", "regime", "below_quarter"]
    assert len(rows) == 1 + 400 * 400
    s = cd.sweep(cd.Chain(4), w=cd.Axis(-12, 12, 400), b=cd.Axis(-10, 10, 400))
    for k in (0, 77_777, 159_999):
        i, j = divmod(k, 400)
        w, b, sign, log, _, rate = map(float, rows[1 + k][:6])
        assert (w, b) == pytest.approx((s.axes["w"].values[i], s.axes["b"].values[j]))
        assert sign == s.sign[i, j]
        assert log == pytest.approx(s.log_abs[i, j], rel=1e-10)
        assert rate == pytest.approx(s.rate[i, j], rel=1e-10)
        assert rows[1 + k][6] == cd.Regime(s.regime[i, j]).name.lower()


@pytest.mark.slow
def test_the_saved_picture_is_a_png(opened):
    with opened.page.expect_download() as download:
        opened.page.click("#save-png")
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    assert download.value.suggested_filename == "chainderiv-sigmoid-4.png"


@pytest.mark.slow
def test_a_drag_cuts_along_its_line_and_a_preset_says_its_sentence(opened):
    page, box = opened.page, opened.page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + 120, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 250, box["y"] + 200, steps=4)
    page.mouse.up()
    opened.settle()
    assert page.locator("#cut svg path.line").count() == 1
    page.click("[data-preset=slope]")
    opened.settle()
    assert "never above 1/4" in page.inner_text("#sentence")
    assert page.get_attribute("[data-preset=slope]", "aria-pressed") == "true"


@pytest.mark.slow
def test_a_reader_of_chinese_finds_chinese(browser, file):
    one = Opened(browser, file, locale="zh-CN")
    assert one.page.evaluate("document.documentElement.lang") == "zh-CN"
    assert "梯度" in one.page.inner_text("h1")
    one.page.select_option("#language", "en")
    assert "gradient" in one.page.inner_text("h1")
    one.close()


def test_keys_change_the_tab_and_what_is_read_and_saved_there_is_what_is_shipped(opened, tmp_path):
    page, wide = opened.page, shipped()
    page.focus("#tab-chain")
    page.keyboard.press("ArrowRight")
    opened.settle()
    assert page.evaluate("document.activeElement.id") == "tab-wide"
    assert page.is_visible("#wide")
    assert not page.is_visible("#chain")
    page.select_option("#neuron", "tanh")
    page.select_option("#init", "glorot")
    page.focus("#hidden")
    page.keyboard.press("End")
    page.focus("#at")
    page.keyboard.press("End")
    opened.settle()
    found, deepest = wide["neurons"]["tanh"]["starts"]["glorot"], wide["depths"][-1]
    low, median, high = (row[-1] for row in found["predicted"][str(deepest)])
    seen = page.inner_text("#wide-readout").split("\n")
    assert [float(word) for word in re.findall(r"\d+\.?\d*", seen[1])] == pytest.approx(
        [10 ** (median / 100), 90, 100, 10 ** (low / 100), 10 ** (high / 100)], rel=5e-3)  # three digits are told  # fmt: skip
    assert page.locator("#layers .dot").count() == deepest * wide["seeds"]
    assert page.locator("#depths rect.edged").count() == sum(wide["depths"])
    assert page.locator("#phase [data-init]").count() == 4  # nielsen, large, he, and three at one place
    with opened.page.expect_download() as download:
        page.click("#save-layers-csv")
    header, *rows = csv.reader(io.StringIO(download.value.path().read_text()))
    assert header == [
        "layer",
        "predicted_5",
        "predicted_50",
        "predicted_95",
        *(f"seed_{k}" for k in range(wide["seeds"])),
    ]
    assert [[float(cell) for cell in row] for row in rows] == [
        [
            layer + 1,
            *(row[layer] / 100 for row in [*found["predicted"][str(deepest)], *found["measured"][str(deepest)]]),
        ]
        for layer in range(deepest)
    ]
    with opened.page.expect_download() as download:
        page.click("#save-layers-png")
    assert Image.open(download.value.path()).convert("L").getextrema()[0] < 100  # ink on paper
    page.wait_for_function("location.hash.includes('init=glorot')")
    assert "tab=wide" in page.evaluate("location.hash")
    page.click("#phase [data-init=he]")
    page.click("#depths [data-hidden='8']")
    opened.settle()
    assert (page.input_value("#init"), page.inner_text("#hidden-value")) == ("he", "8")


def test_a_name_is_text_wherever_it_stands(browser, tmp_path):
    name, wide, path = """z"><img src='x'>&amp;{init}""", data()["wide"], tmp_path / "named.html"
    wide = wide | {"neurons": {name: wide["neurons"]["tanh"]}, "data": "my digits.npz", "folder": "my data"}
    path.write_text(page_of(data() | {"wide": wide}), encoding="utf-8")
    one = Opened(browser, path, "#tab=wide&init=zzz&neuron=__proto__&hidden=1e9&at=-3")
    labels = one.page.eval_on_selector_all("#wide [aria-label]", "all => all.map(one => one.ariaLabel)")
    assert sum(name in label for label in labels) == 2  # every depth, and the phase diagram
    assert one.page.locator("#wide img").count() == 0
    assert [one.page.inner_text(f"#{of}-value") for of in ("hidden", "at")] == ["32", "1"]
    assert "--dataset 'my digits.npz' --data 'my data'" in one.page.inner_text("#wide-command")
    assert 'cd.load_data("my digits.npz", "my data")' in one.page.inner_text("#wide-snippet")
    one.close()


def test_the_command_and_the_python_lines_of_wide_layers_give_what_is_shown(opened, mnist, capsys):
    import shlex

    from chainderiv.cli import main

    opened.set({"tab": "wide", "neuron": "tanh", "init": "he", "hidden": 3})
    found = shipped()["neurons"]["tanh"]["starts"]["he"]
    assert main([*shlex.split(opened.page.inner_text("#wide-command"))[1:], "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [round(100 * math.log10(one)) for one in said["median"]] == found["predicted"]["3"][1]
    *before, last = opened.page.inner_text("#wide-snippet").split("\n")
    names: dict = {}
    exec("\n".join(before), names)
    assert [round(100 * float(one)) for one in eval(last, names)] == found["measured"]["3"][0]


@pytest.mark.parametrize("options", LOOKS)
def test_the_rules_of_accessibility_hold(options, browser, file):
    from axe_playwright_python.sync_playwright import Axe

    one = Opened(browser, file, hash_of({"depth": 20, "cut": [-12, -3, 12, -3], "preset": "slope"}), **options)
    found = Axe().run(one.page)
    assert found.violations_count == 0, found.generate_report()
    one.set({"tab": "wide", "neuron": "relu", "init": "he", "hidden": 16})
    found = Axe().run(one.page)
    assert found.violations_count == 0, found.generate_report()
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    one.close()


def test_where_gradients_vanish_the_map_is_blue_and_where_they_explode_orange(opened):
    # 0.5 ≤ b ≤ 2 keeps ReLU on: the gradient is about w^20
    opened.set({"tab": "chain", "activation": "relu", "depth": 20, "w": [0.1, 4], "up": [0.5, 2], "theme": "light"})
    opened.settle()
    row = np.array(opened.page.evaluate(
        "[...document.getElementById('map').getContext('2d').getImageData(60, 150, 300, 1).data]"))  # fmt: skip
    red, _, blue, _ = row.reshape(-1, 4).T
    few, many = slice(15, 40), slice(-60, -20)  # pixels from the left, and from the right
    assert np.all(blue[few] > red[few] + 20)
    assert np.all(red[many] > blue[many] + 20)


@pytest.mark.parametrize("engine", ["auto", "javascript"])
def test_the_summary_tells_the_shares_and_the_ends_of_the_map(engine, opened):
    opened.set(
        {"activation": "sigmoid", "depth": 3, "w": [4.5, 6.3], "up": [-3.6, -2], "x": 1, "y": 0, "engine": engine}
    )
    opened.drawn()
    w, b = np.meshgrid(np.linspace(4.5, 6.3, 400), np.linspace(-3.6, -2, 400))
    a, logs = np.ones_like(w), []
    for _ in range(3):
        z = w * a + b
        a = 1 / (1 + np.exp(-z))
        logs.append(-np.abs(z) - 2 * np.log1p(np.exp(-np.abs(z))))  # ln σ'
    rate = np.log(np.abs(w)) + (logs[1] + logs[2]) / 2
    gradient = (sum(logs) + 2 * np.log(np.abs(w)) + np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))) / np.log(10)
    band = 0.05  # of the rate, within which a gradient is stable
    shares = [100 * np.mean(where) for where in (rate < -band, rate > band, np.abs(rate) <= band)]
    assert len({round(share) for share in shares}) == 3
    said = opened.page.inner_text("#summary").replace("−", "-")
    pattern = r"sigmoid, depth 3: .*\|∂C/∂b₁\| runs from (\S+) to (\S+)\. The gradient vanishes on (\S+) %.* explodes on (\S+) %.* 5 % a layer on (\S+) %\."
    told = [float(number) for number in re.fullmatch(pattern, said).groups()]
    assert told == pytest.approx([gradient.min(), gradient.max(), *shares], rel=6e-3)
