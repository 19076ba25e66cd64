"""The table of problems is itself tested: every answer again in plain mpmath, by products and by differences."""

from dataclasses import replace

import mpmath as mp
import pytest

from tests import plain
from tests.problems import PROBLEMS

DIGITS = 45  # on which the table and what is computed here must agree


def given(problem):
    w, b = plain.layers(problem.w, problem.depth), plain.layers(problem.b, problem.depth)
    return problem.activations, problem.cost, w, b, problem.x, problem.y, problem.wrt


def by_product(problem):
    return plain.correct(lambda: plain.gradient(*given(problem)))


def by_difference(problem):
    # the quotient's own error is h², h a third of the digits
    return plain.correct(lambda: plain.difference(*given(problem)), first=480)


def agrees(problem, value):
    with mp.workdps(120):
        answer = mp.mpf(problem.answer)
        if answer == 0 or value == 0:
            return answer == value == 0
        return abs(answer - value) <= abs(value) * mp.mpf(10) ** -DIGITS


def altered(problem):
    """The same with the 44th digit of the answer changed."""
    digits, _, exponent = problem.answer.partition("e")
    places = [i for i, c in enumerate(digits) if c.isdigit()]
    first = next(n for n, i in enumerate(places) if digits[i] != "0")
    k = places[first + 43]
    changed = digits[:k] + str((int(digits[k]) + 5) % 10) + digits[k + 1 :]
    return replace(problem, answer=changed + ("e" + exponent if exponent else ""))


def ids(problems):
    return [p.name for p in problems]


# C does not move through 1000 saturated layers but by its 2000th digit and beyond: the product alone is settled there
SHALLOW = [p for p in PROBLEMS if p.depth <= 24 and p.answer != "0"]


@pytest.mark.parametrize("problem", PROBLEMS, ids=ids(PROBLEMS))
def test_every_answer_is_the_product_of_hand_written_derivatives(problem):
    assert agrees(problem, by_product(problem))


@pytest.mark.parametrize("problem", SHALLOW, ids=ids(SHALLOW))
def test_every_answer_to_24_layers_is_a_difference_quotient_of_the_cost_alone(problem):
    assert agrees(problem, by_difference(problem))


@pytest.mark.parametrize("problem", [p for p in PROBLEMS if p.answer != "0"], ids=lambda p: p.name)
def test_one_altered_digit_is_caught(problem):
    wrong = altered(problem)
    assert wrong.answer != problem.answer
    assert not agrees(wrong, by_product(problem))


def test_a_flipped_sign_and_a_zero_are_caught():
    problem = PROBLEMS[0]
    value = by_product(problem)
    assert not agrees(replace(problem, answer="-" + problem.answer), value)
    assert not agrees(replace(problem, answer="0"), value)
    assert not agrees(problem, 0)


def test_digits_that_ran_out_are_not_taken_for_a_zero():
    with mp.workdps(50):
        assert 1 - mp.tanh(100) ** 2 == 0
    assert plain.correct(lambda: 1 - mp.tanh(100) ** 2) > 0


def test_the_table_is_wide():
    assert len(PROBLEMS) >= 15
    assert len({p.name for p in PROBLEMS}) == len(PROBLEMS)
    assert all(len(p.answer.partition("e")[0].replace("-", "").replace(".", "").lstrip("0")) == 50
               for p in PROBLEMS if p.answer != "0")  # fmt: skip
    assert {name for p in PROBLEMS for name in p.activations} == plain.PHI.keys()
    assert {p.cost for p in PROBLEMS} == {"quadratic", "cross_entropy"}
    assert {p.wrt[0] for p in PROBLEMS} == {"b", "w", "x"}
