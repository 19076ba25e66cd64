"""Named chains with 50-digit answers; test_problems computes every answer again in plain mpmath.

w, b, x and y are the float64 numbers that Python reads from these literals, taken as exact.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """∂C/∂(wrt) of a chain; answer: its 50 significant digits as a decimal string ('0' is an exact zero)."""

    name: str
    depth: int
    activation: str | tuple[str, ...]
    w: float | tuple[float, ...]
    b: float | tuple[float, ...]
    answer: str
    x: float = 0.5
    y: float = 0.0
    wrt: str = "b1"
    cost: str = "quadratic"

    @property
    def activations(self):
        """One name per layer."""
        return [self.activation] * self.depth if isinstance(self.activation, str) else list(self.activation)


def _mixed(depth, last):
    return ("relu",) * (depth - 1) + (last,)


EACH = (
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "softsign", "gelu", "silu", "mish", "arctan",
    "identity",
)  # fmt: skip
NEWER = (
    "prelu", "celu", "relu6", "relu2", "hardtanh", "hardsigmoid", "hardswish", "softshrink", "tanhshrink", "logsigmoid",
    "squareplus", "quick_gelu", "gelu_tanh", "snake",
)  # fmt: skip

# fmt: off
PROBLEMS = [
    Problem("ordinary sigmoid", 4, "sigmoid",
            1.5, -0.25,
            "0.0036158503221762190927956996491964070398279257289173", y=0.25),
    Problem("ordinary tanh, by a weight", 3, "tanh",
            (0.5, -1.25, 2.0), (0.1, 0.2, -0.3),
            "-0.43925422530846573899079307420753392313881083580120", wrt="w2", y=0.5),
    Problem("one layer, by the input", 1, "sigmoid",
            -2.0, 0.5,
            "0.29256050705391522962868661710610649533288921376937", wrt="x", y=1.0),
    Problem("the source's vanishing chain", 4, "sigmoid",
            0.9, 0.1,
            "0.0012455182202831792541584980478497341443834964732619"),
    Problem("vanishing, 24 layers", 24, "sigmoid",
            0.9, 0.1,
            "1.2337867425419957456463215130412897958514081887582e-17"),
    Problem("vanishing, 24 saturated layers, near 1e-300", 24, "sigmoid",
            2.0, 28.0,
            "4.6340147502598267563009526380905697669739376908999e-306"),
    Problem("vanishing, 1000 layers", 1000, "sigmoid",
            0.9, 0.1,
            "4.7835581068532034120872275186956550466597360043564e-701"),
    Problem("vanishing, 1000 tanh layers near 1e-300", 1000, "tanh",
            0.5, 0.05,
            "-3.2421789716510647158212533300864419224420024192396e-306", y=0.5),
    Problem("exploding, w = 100 and z = 0", 4, "sigmoid",
            100.0, -50.0,
            "1953.1250000000000000000000000000000000000000000000"),
    Problem("exploding, w = 100 and z = 0, 1000 layers", 1000, "sigmoid",
            100.0, -50.0,
            "4.3549049081086083377880977473894361479295518713527e+1395"),
    Problem("output saturated at its target 1", 3, "sigmoid",
            (1.0, -1.0, 60.0), (0.0, 0.5, 20.0),
            "5.1239167094158546242320406200720944731729396075024e-42", y=1.0),
    Problem("output saturated at its target 0", 3, "sigmoid",
            (1.0, -1.0, -60.0), (0.0, 0.5, -20.0),
            "5.1239167094158546242320406200720944731729396075024e-42"),
    Problem("output saturated at its target, beyond float64", 2, "sigmoid",
            (1.0, 900.0), (0.0, 300.0),
            "-1.4238136094605889094126183730092348311744409395929e-745", y=1.0),
    Problem("output saturated at the wrong target", 2, "sigmoid",
            (1.0, 60.0), (0.0, 30.0),
            "7.9533913179280340076030401785298975416626267574937e-29"),
    Problem("cross-entropy at its saturated target", 2, "sigmoid",
            (1.0, 900.0), (0.0, 300.0),
            "-5.4876346027751403092272006473036362731096608475479e-372", y=1.0, cost="cross_entropy"),
    Problem("cross-entropy, saturated and wrong", 4, "sigmoid",
            (0.5, 2.0, -3.0, 400.0), (0.1, 0.2, 0.3, 400.0),
            "-9.1665720818354244676705238127553123922582201422176", cost="cross_entropy"),
    Problem("cross-entropy, fractional target", 4, "sigmoid",
            -1.5, 0.5,
            "-0.026631851924781449872503932670612578393593049779975", y=0.3, wrt="w3", cost="cross_entropy"),
    Problem("by a weight whose input underflows", 3, "sigmoid",
            1.0, (0.1, -800.0, 0.2),
            "9.5204027444998779029268679622855647012774781662071e-349", wrt="w3"),
    Problem("through a layer that underflows", 3, "sigmoid",
            1.0, (0.1, -800.0, 0.2),
            "2.1781181107418801622748015602179973689852616827826e-349"),
    Problem("relu at rest: an exact zero", 3, "relu",
            (1.0, -1.0, 1.0), 0.0,
            "0"),
    Problem("relu awake", 4, "relu",
            (1.5, 2.0, 0.5, -3.0), (0.25, 0.5, 1.0, 20.0),
            "-36.750000000000000000000000000000000000000000000000", y=1.0),
    Problem("identity, w = 0.1, 1000 layers", 1000, "identity",
            0.1, 0.0,
            "5.0000000000005548339565564527497489088973004353663e-2000"),
    Problem("identity, w = 100, 1000 layers, by a weight", 1000, "identity",
            100.0, 0.0,
            "2.5000000000000000000000000000000000000000000000000e+3997", wrt="w500", y=1.0),
    Problem("leaky relu on its left side, 1000 layers", 1000, "leaky_relu",
            0.75, -1.0,
            "-3.9930218058064947964907266766032718217256757468178e-2126", y=0.25),
    Problem("leaky relu, alternating", 5, "leaky_relu",
            (-2.0, -3.0, 1.5, -0.5, 4.0), (0.5, -1.0, 0.25, 0.125, 1.0),
            "-0.000053190000000000000000000000000000000000000000000000", y=1.0, wrt="x"),
    Problem("gelu in its left tail", 3, "gelu",
            (2.0, 1.5, -1.0), (-31.0, -30.0, -20.0),
            "-4.0274014393487870033211528900172369004074586203182e-476", y=0.125),
    Problem("relu … sigmoid with cross-entropy", 5, _mixed(5, "sigmoid"),
            0.75, 0.25,
            "-0.12356659235271417846549083360506831615980439148013", y=1.0, wrt="b2", cost="cross_entropy"),
    Problem("one activation of each kind", 13, EACH,
            1.25, 0.375,
            "0.0015057690262797085763328641436381591094894012678092", y=0.25),
    Problem("one of each newer kind, none of them flat", 14, NEWER,
            1.25, (-1.25, -0.5, 1.5, -0.25, -0.5, 0.25, 0.0, 0.875, 0.125, -0.25, 1.5, -1.125, 0.125, -0.125),
            "0.20837211390198476122568618519136959089229720920804", y=0.25),
    Problem("tanh at z = 100", 2, "tanh",
            (200.0, 0.5), (0.0, 0.25),
            "2.2316147161784676516019406327852806381468498645678e-88", y=0.5),
    Problem("tanh output at its target -1", 2, "tanh",
            (1.0, -80.0), (0.25, -40.0),
            "-6.6895440954278481010968760520933083739012199794557e-156", y=-1.0),
    Problem("silu near the zero of its derivative", 2, "silu",
            (1.0, 1.0), (-1.7784645428, 0.5),
            "0.0000000000019494697507888642455523275161765336144558853209112", y=0.5),
    Problem("elu far on the left", 3, "elu",
            (1.0, 2.0, 1.0), (-50.0, -400.0, -800.0),
            "-1.1121450063945962121212432606704774561912771677949e-544", y=-0.5),
    Problem("softplus, 100 layers", 100, "softplus",
            -1.0, 0.5,
            "-3.6747247199834469203288788417900980041016232654115e-34", wrt="x", y=1.0),
]
# fmt: on
# what takes 800 digits to judge: of those with a thousand layers all but one that vanishes
DEEP = [p for p in PROBLEMS if p.depth == 1000 and p.name != "vanishing, 1000 layers"]
