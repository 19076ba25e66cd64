"""V and M₂ of neurons that have them in closed form, in as many digits as are set, and a judge of the theory by them."""

import mpmath as mp

DIGITS = 900  # q - V/M₂ of q = 1e-200 keeps 300 of them
FORMS = {
    "sin(z)": (lambda q: -mp.expm1(-2 * q) / 2, lambda q: (1 + mp.exp(-2 * q)) / 2),
    "cos(z)": (lambda q: (1 + mp.exp(-2 * q)) / 2, lambda q: -mp.expm1(-2 * q) / 2),
    "erf(z)": (lambda q: 2 / mp.pi * mp.asin(2 * q / (1 + 2 * q)), lambda q: 4 / mp.pi / mp.sqrt(1 + 4 * q)),
    "exp(-z^2)": (lambda q: 1 / mp.sqrt(1 + 4 * q), lambda q: 4 * q / (1 + 4 * q) ** 1.5),
    "z*exp(-z^2)": (
        lambda q: q / (1 + 4 * q) ** 1.5,
        lambda q: (1 + 4 * q) ** -0.5 - 4 * q / (1 + 4 * q) ** 1.5 + 12 * q**2 / (1 + 4 * q) ** 2.5,
    ),
    "exp(z)": (lambda q: mp.exp(2 * q), lambda q: mp.exp(2 * q)),
    "z+z^2": (lambda q: q + 3 * q**2, lambda q: 1 + 4 * q),
    "z^3": (lambda q: 15 * q**3, lambda q: 27 * q**2),
    "abs(z)+1": (lambda q: q + 2 * mp.sqrt(2 * q / mp.pi) + 1, lambda q: mp.mpf(1)),
    "abs(z-5)": (lambda q: q + 25, lambda q: mp.mpf(1)),
    "relu(z)": (lambda q: q / 2, lambda q: mp.mpf(1) / 2),
}
LEAST = 1e-300  # less is 0 to float64
ULPS = 16 * 2.0**-52


def root_within(function, at, error):
    """The root of a function that is within 2 errors (and some roundings) of a place; None where its sign stays."""
    low, high = (mp.mpf(at) + s * (2 * mp.mpf(error) + ULPS * abs(mp.mpf(at))) for s in (-1, 1))
    low = max(low, mp.mpf(at) * mp.mpf(10) ** -300)
    signs = mp.sign(function(low)), mp.sign(function(high))
    if signs[0] == signs[1]:
        return None
    for _ in range(80):
        middle = mp.sqrt(low * high)
        low, high = (middle, high) if mp.sign(function(middle)) == signs[0] else (low, middle)
    return middle


def is_near(got, want, error):
    """Whether a number is as near as its error says."""
    return abs(mp.mpf(got) - want) <= 4 * mp.mpf(error) + ULPS * abs(want) + LEAST


def faults_of_mean_field(formula, m):
    """What is wrong with a MeanField of one of the FORMS; empty where nothing is."""
    with mp.workdps(DIGITS):
        v, m2 = FORMS[formula]
        a, b = mp.mpf(m.sigma_w) ** 2, mp.mpf(m.sigma_b)

        def rise(q):
            return a * v(q) + b**2 - q

        if m.q_star == mp.inf:
            # at criticality χ₁ is told to its error, and whether σ_w² lies above 1/χ₁ is told no better
            more = a * mp.mpf(m.errors["chi_1"]) / mp.mpf(m.chi_1)
            far = all(rise(q) + more * v(q) > 0 for q in (mp.mpf(10) ** k for k in range(-30, 40, 5)))
            return ([] if far else ["it does not grow"]) + (
                [] if is_near(m.chi_1, a * m2(mp.mpf(10) ** 60), m.errors["chi_1"]) else ["χ₁"]
            )
        if m.q_star != m.q_star:  # a line of fixed points
            return [] if formula == "relu(z)" and is_near(a, 2, 1e-15) and b == 0 else ["q* is NaN"]
        if m.q_star == 0:
            small = mp.mpf(10) ** -250
            wrong = (
                [] if b == 0 and (rise(small) < 0 or is_near(a * v(small) / small, 1, 1e-15)) else ["0 is not stable"]
            )
            return wrong + ([] if is_near(m.chi_1, a * m2(small), m.errors["chi_1"]) else ["χ₁"])
        q = root_within(rise, m.q_star, m.errors["q_star"])
        if q is None:
            return ["q* is not within its error"]
        below = [q * mp.mpf(10) ** -k for k in (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)]
        wrong = [
            f"{mp.nstr(p, 5)} is reached before q*"
            for p in below
            if p > b**2 and p < q * (1 - mp.mpf(m.errors["q_star"] / m.q_star) * 8) and rise(p) < 0
        ]
        wrong += [] if is_near(m.chi_1, a * m2(q), m.errors["chi_1"]) else ["χ₁"]
        told = abs(a * m2(q) - 1) > 8 * m.errors["chi_1"] + 8 * ULPS
        side = "ordered" if a * m2(q) < 1 else "chaotic"
        return wrong + ([] if m.phase == side or (m.phase == "critical" and not told) else ["phase"])


def faults_of_critical_point(formula, p):
    """The same of a CriticalPoint."""
    with mp.workdps(DIGITS):
        v, m2 = FORMS[formula]
        b = mp.mpf(p.sigma_b)
        if p.q_star == 0:
            return [] if b == 0 and is_near(p.sigma_w, m2(mp.mpf(10) ** -250) ** -0.5, p.error) else ["σ_w at q* = 0"]
        q = root_within(lambda q: q - v(q) / m2(q) - b**2, p.q_star, p.q_error)
        if q is None:
            return ["q* is not within its error"]
        return [] if is_near(p.sigma_w, m2(q) ** -0.5, p.error) else ["σ_w"]
