"""What a forecast says of a number, against scipy's distributions and the definition of the CRPS."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from seqhub.errors import BundleError
from seqhub.runtime.answers import Forecast
from seqhub.runtime.spread import Spread, student_cdf

Y = {
    "gaussian": np.array([[1.0, -2.0], [0.5, 3.0]]),  # [P K]
    "student": np.array([[1.0, -2.0], [0.5, 3.0], [2.3, 40.0]]),
    "negative-binomial": np.array([[4.0, 300.0], [0.5, 0.02]]),
}


def oracle(kind: str, k: int):
    y = Y[kind][:, k]
    if kind == "gaussian":
        return stats.norm(y[0], y[1])
    if kind == "student":
        return stats.t(y[2], loc=y[0], scale=y[1])
    return stats.nbinom(1 / y[1], 1 / (1 + y[0] * y[1]))


@pytest.mark.parametrize("kind", list(Y))
@pytest.mark.parametrize("level", [0.01, 0.1, 0.5, 0.93])
def test_quantiles(kind, level):
    want = [oracle(kind, k).ppf(level) for k in (0, 1)]
    np.testing.assert_allclose(Spread(kind).quantile(Y[kind], level), want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["gaussian", "student"])
@pytest.mark.parametrize("truth", [-3.0, 0.9, 6.0])
def test_crps_is_the_integral_of_its_definition(kind, truth):
    got = Spread(kind).crps(Y[kind], np.array([truth, truth]))
    for k in (0, 1):
        law = oracle(kind, k)
        below = integrate.quad(lambda x, law=law: law.cdf(x) ** 2, -np.inf, truth, epsabs=1e-10)[0]
        above = integrate.quad(lambda x, law=law: law.sf(x) ** 2, truth, np.inf, epsabs=1e-10)[0]
        assert got[k] == pytest.approx(below + above, rel=1e-6)


@pytest.mark.parametrize("truth", [0.0, 5.0, 700.0])
def test_crps_of_counts_is_the_sum_of_its_definition(truth):
    got = Spread("negative-binomial").crps(Y["negative-binomial"], np.array([truth, truth]))
    counts = np.arange(5000)
    want = [((oracle("negative-binomial", k).cdf(counts) - (counts >= truth)) ** 2).sum() for k in (0, 1)]
    np.testing.assert_allclose(got, want, rtol=1e-7)


def test_students_distribution_in_both_tails_and_at_large_degrees():
    z = np.array([-50.0, -2.0, 0.0, 1e-9, 3.0, 400.0])
    for nu in (2.01, 5.0, 300.0):
        np.testing.assert_allclose(student_cdf(z, np.full_like(z, nu)), stats.t(nu).cdf(z), rtol=1e-10, atol=1e-14)


def test_quantiles_that_are_answered_are_joined_by_lines_and_not_extended():
    spread, y = Spread("quantiles", (0.1, 0.5, 0.9)), np.array([[1.0], [3.0], [9.0]])
    assert spread.point(y) == [3.0]
    assert spread.quantile(y, 0.1) == [1.0]
    assert spread.quantile(y, 0.3) == pytest.approx([2.0])
    low, high = spread.interval(y, 0.8)
    assert (low, high) == ([1.0], [9.0])
    with pytest.raises(ValueError, match=r"the quantile 0.05 was not answered; the model answers 0.1 to 0.9"):
        spread.interval(y, 0.9)
    pinball = [0.1 * 1, 0.5 * 1, 0.1 * 7]  # of the truth 2: above the first, below the others: 0.1, 0.5, (1 - 0.9) * 7
    assert spread.crps(y, np.array([2.0])) == pytest.approx([2 * np.dot([0.3, 0.4, 0.3], pinball)])


def test_many_quantiles_have_the_crps_of_their_distribution():
    levels = tuple(np.linspace(0.001, 0.999, 999).round(4))
    y = stats.norm(1, 2).ppf(levels)[:, None]
    want = Spread("gaussian").crps(np.array([[1.0], [2.0]]), np.array([2.5]))
    np.testing.assert_allclose(Spread("quantiles", levels).crps(y, np.array([2.5])), want, rtol=2e-3)


def test_a_forecast_carries_quantiles_and_intervals():
    parameters = np.stack([Y["gaussian"], Y["gaussian"] + 1])  # [H P K]
    spread = Spread("gaussian")
    found = Forecast(spread.point(parameters), ("a", "b"), spread, parameters)
    low, high = found.interval(0.8)
    assert low[0, 0] == pytest.approx(1 - 1.2815515655 * 0.5)
    assert high[1, 1] == pytest.approx(-1 + 1.2815515655 * 4)
    assert found.quantiles[0.5][0].tolist() == pytest.approx([1.0, -2.0])
    header, rows = found.table()
    assert header[:5] == ["step", "a", "b", "a q0.05", "b q0.05"]
    assert len(rows[0]) == len(header)
    assert found.as_dict()["quantiles"]["0.95"]["b"][0] == pytest.approx(-2 + 1.6448536 * 3)
    plain = Forecast(np.ones((2, 1)), ("a",))
    assert "quantiles" not in plain.as_dict()
    with pytest.raises(BundleError, match="answers with values alone"):
        plain.interval(0.8)
    with pytest.raises(ValueError, match="there is no kind of answer 'normal'"):
        Spread("normal")
