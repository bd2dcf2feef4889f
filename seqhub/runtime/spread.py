"""What a forecast says of one number: a point, quantiles, or a distribution. Of numpy alone, so that a bundle's user,
the scores of training and the pictures read the same numbers.

A graph answers with parameters, in raw units; quantiles and intervals of any share are worked out here. Quantiles that
are answered themselves are joined by straight lines, and nothing is said beyond the outermost.

    kind               parameters along the axis P            point
    point              value                                  value
    quantiles          one for each level, rising             the median
    gaussian           mean, deviation                        mean
    student            location, scale, degrees of freedom    location
    negative-binomial  mean m, dispersion a: variance m + a m^2   mean

Scores: CRPS of the normal and of Student's t in closed form (Jordan et al. 2019, doi:10.18637/jss.v090.i12); of counts
the sum of (F(k) - [k >= y])^2, which is the definition; of quantiles twice the pinball loss, each level for the
probabilities nearest to it; of a point |y - value|. Shapes: P parameters, K targets; `...` any axes in front.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np

_SIZES = {"point": 1, "gaussian": 2, "student": 3, "negative-binomial": 2}
_MOST_COUNTS = 100_000  # values of a count that are added up at most
_TAIL = 1e-9
Array = np.ndarray


@dataclass(frozen=True)
class Spread:
    """kind: see above.  levels: those of `quantiles`."""

    kind: str = "point"
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind != "quantiles" and self.kind not in _SIZES:
            raise ValueError(f"there is no kind of answer {self.kind!r}; there are quantiles, {', '.join(_SIZES)}")

    @property
    def size(self) -> int:
        """P."""
        return len(self.levels) if self.kind == "quantiles" else _SIZES[self.kind]

    def point(self, y: Array) -> Array:
        """[... P K] -> [... K]."""
        return np.asarray(y[..., self.levels.index(0.5) if self.kind == "quantiles" else 0, :])

    def quantile(self, y: Array, level: float) -> Array:
        """The value that the truth stays below with this probability: [... P K] -> [... K].

        ValueError for a level that is not inside 0 and 1, or beyond the outermost quantiles.
        """
        if not 0 < level < 1:
            raise ValueError(f"a quantile lies between 0 and 1, got {level:g}")
        y = np.asarray(y, dtype=np.float64)
        if self.kind == "point":
            return self.point(y)
        if self.kind == "quantiles":
            return self._between(y, level)
        if self.kind == "gaussian":
            return np.asarray(y[..., 0, :] + y[..., 1, :] * NormalDist().inv_cdf(level))
        if self.kind == "student":
            return np.asarray(y[..., 0, :] + y[..., 1, :] * _student_quantile(level, y[..., 2, :]))
        return _count_quantile(level, y[..., 0, :], y[..., 1, :])

    def interval(self, y: Array, share: float) -> tuple[Array, Array]:
        """The central interval that holds the truth with this probability: lower and upper [... K]."""
        if not 0 < share < 1:
            raise ValueError(f"an interval's share lies between 0 and 1, got {share:g}")
        return self.quantile(y, round((1 - share) / 2, 9)), self.quantile(y, round((1 + share) / 2, 9))

    def crps(self, y: Array, truth: Array) -> Array:
        """Continuous ranked probability score of each number, in its units: [... P K], [... K] -> [... K]."""
        if self.kind == "point":
            return np.asarray(np.abs(truth - y[..., 0, :]))
        if self.kind == "quantiles":
            levels, shares = np.array(self.levels)[:, None], np.array(level_shares(self.levels))[:, None]
            short = truth[..., None, :] - y
            return np.asarray(2 * (shares * np.maximum(levels * short, (levels - 1) * short)).sum(axis=-2))
        if self.kind == "negative-binomial":
            return _count_crps(y[..., 0, :], y[..., 1, :], truth)
        scale = y[..., 1, :]
        z = (truth - y[..., 0, :]) / scale
        return np.asarray(scale * (_normal_crps(z) if self.kind == "gaussian" else _student_crps(z, y[..., 2, :])))

    def _between(self, y: Array, level: float) -> Array:
        levels = self.levels
        at = next((i for i, known in enumerate(levels) if known >= level - 1e-9), len(levels))
        if at < len(levels) and abs(levels[at] - level) < 1e-9:
            return np.asarray(y[..., at, :])
        if at in (0, len(levels)):
            known = f"{levels[0]:g} to {levels[-1]:g}"
            raise ValueError(f"the quantile {level:g} was not answered; the model answers {known}")
        share = (level - levels[at - 1]) / (levels[at] - levels[at - 1])
        return np.asarray(y[..., at - 1, :] * (1 - share) + y[..., at, :] * share)


def level_shares(levels: tuple[float, ...]) -> tuple[float, ...]:
    """The probabilities that are nearer to a level than to any other: they add up to one."""
    edges = [0.0, *((a + b) / 2 for a, b in pairwise(levels)), 1.0]
    return tuple(b - a for a, b in pairwise(edges))


def _normal_crps(z: Array) -> Array:
    below = 0.5 * (1 + _erf(z / math.sqrt(2)))
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return np.asarray(z * (2 * below - 1) + 2 * density - 1 / math.sqrt(math.pi))


def _student_crps(z: Array, nu: Array) -> Array:
    density = np.exp(_lgamma((nu + 1) / 2) - _lgamma(nu / 2) - 0.5 * np.log(nu * math.pi))
    density = density * (1 + z * z / nu) ** (-(nu + 1) / 2)
    log_betas = _log_beta(0.5, nu - 0.5) - 2 * _log_beta(0.5, nu / 2)
    spread = 2 * np.sqrt(nu) / (nu - 1) * np.exp(log_betas)
    return np.asarray(z * (2 * student_cdf(z, nu) - 1) + 2 * density * (nu + z * z) / (nu - 1) - spread)


def student_cdf(z: Array, nu: Array) -> Array:
    """Probability that Student's t with nu degrees of freedom is below z: by the incomplete beta function."""
    half, square = np.full_like(nu, 0.5), z * z
    tail = 0.5 * _incomplete_beta(nu / 2, half, nu / (nu + square))
    near = 0.5 - 0.5 * _incomplete_beta(half, nu / 2, square / (nu + square))  # keeps the digits of a small z
    tail = np.where(square < nu, near, tail)
    return np.where(z > 0, 1 - tail, tail)


def _student_quantile(level: float, nu: Array) -> Array:
    """By bisection: the function rises, and sixty halvings of +-1e6 end below a float64's digits."""
    low, high = np.full_like(nu, -1e6), np.full_like(nu, 1e6)
    for _ in range(70):
        middle = 0.5 * (low + high)
        below = student_cdf(middle, nu) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(0.5 * (low + high))


def _incomplete_beta(a: Array, b: Array, x: Array) -> Array:
    """I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8) after Lentz, where that converges."""
    swap = x > (a + 1) / (a + b + 2)
    a, b, x = np.where(swap, b, a), np.where(swap, a, b), np.where(swap, 1 - x, x)
    tiny = 1e-300
    c = np.ones_like(x)
    d = 1 / _away(1 - (a + b) * x / (a + 1), tiny)
    h = d
    for m in range(1, 200):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + step * d, tiny)
            c = _away(1 + step / c, tiny)
            h = h * d * c
        if np.all(np.abs(d * c - 1) < 1e-13):
            break
    with np.errstate(divide="ignore"):
        front = np.exp(a * np.log(x) + b * np.log1p(-x) - _log_beta(a, b)) / a
    return np.asarray(np.where(swap, 1 - front * h, front * h))


def _count_crps(mean: Array, dispersion: Array, truth: Array) -> Array:
    total = np.zeros(np.broadcast(mean, truth).shape)
    for k, below in _counts(mean, dispersion, float(np.max(truth, initial=0.0))):
        total += (below - (k >= truth)) ** 2
    return total


def _count_quantile(level: float, mean: Array, dispersion: Array) -> Array:
    found = np.full(mean.shape, -1.0)
    for k, below in _counts(mean, dispersion, 0.0):
        found = np.where((found < 0) & (below >= level), k, found)
        if (found >= 0).all():
            break
    return np.where(found < 0, _MOST_COUNTS, found)


def _counts(mean: Array, dispersion: Array, least: float) -> Iterator[tuple[int, Array]]:
    """(k, probability of k or less) for k = 0, 1, .. until every distribution is used up, and k has passed `least`."""
    r = 1 / dispersion
    log_p = np.log(dispersion * mean) - np.log1p(dispersion * mean)
    log_mass = -r * np.log1p(dispersion * mean)  # in logarithms: exp of it is 0 for large counts
    below = np.zeros_like(mean)
    for k in range(_MOST_COUNTS):
        below = np.minimum(below + np.exp(log_mass), 1.0)
        yield k, below
        if k > least and (below > 1 - _TAIL).all():
            return
        log_mass = log_mass + np.log((k + r) / (k + 1)) + log_p


def _away(value: Array, tiny: float) -> Array:
    return np.where(np.abs(value) < tiny, tiny, value)


def _log_beta(a: Array | float, b: Array | float) -> Array:
    return np.asarray(_lgamma(a) + _lgamma(b) - _lgamma(np.asarray(a) + b))


def _erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(x))


def _lgamma(x: Array | float) -> Array:
    return np.asarray(np.vectorize(math.lgamma, otypes=[np.float64])(x))
