"""A damped pendulum driven by a torque: recordings by a seed, and a loop that any controller can close.

    theta'' = (g / l) sin theta + (u + w - d theta') / (m l^2)      theta = 0 upright, u torque, w disturbance

with m = 1 kg, l = 1 m; one step of Runge and Kutta's fourth order (RK4) a step, the torque held. A row holds what was
measured of the state at its time, and the torque that was chosen from then on.

The expert swings up by energy and balances by LQR (Astrom and Furuta 2000, doi:10.1016/S0005-1098(99)00140-5):

    E = theta'^2 / 2 + (g / l) (cos theta - 1)                      0 upright and at rest, below it elsewhere
    u = limit * clip((E0 - E) / E1, -1, 1) * tanh(theta' / w)        along the motion: the energy rises towards 0
    u = -k1 theta - k2 theta'                                       near the top

Shapes: N recordings, T steps; state [N 2] theta and rate; measured [N 3] sin, cos and rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqhub.data.configs_motion import PendulumConfig
from seqhub.data.table import Numbers, Sequences

GRAVITY = 9.81  # m/s^2; mass and length are 1, so this is g / l as well
COLUMNS = ("sin", "cos", "rate", "torque")
_TOP = 0.35  # rad within which the expert balances, if the torque suffices
_ENOUGH = 0.2  # J: a little more than it takes to be upright and at rest, for the brake on the way
_BAND = 1.0  # J below that from which the expert pushes fully
_SWING = 0.3  # rad/s above which the expert pushes fully
_HELD_S = (0.2, 1.0)  # a random torque is held as long as this
_GUST_S = 0.1

Controller = Callable[[Numbers], Numbers]  # what was measured [N 3] -> torque [N]


@dataclass(frozen=True, eq=False)
class Motion:
    """state [N T 2] as it was; measured [N T 3]; torque [N T] as it was chosen."""

    state: Numbers
    measured: Numbers
    torque: Numbers


class PendulumSource:
    """Sequences [T 4] with the columns sin, cos, rate (rad/s) and torque (N m)."""

    def __init__(self, config: PendulumConfig, base_dir: Path) -> None:
        del base_dir
        self.config = config

    def read(self) -> Sequences:
        """As many recordings as asked for. Random torques start hanging at rest, the expert anywhere."""
        config, draw = self.config, np.random.default_rng(self.config.seed)
        if config.drive == "random":
            torques = random_torques(config, draw)
            state = np.tile([math.pi, 0.0], (config.recordings, 1))
            motion = simulate(config, state, lambda step, state, measured: torques[:, step], draw)
        else:
            state = random_starts(config.recordings, draw)
            motion = simulate(config, state, lambda step, state, measured: expert(config, state), draw)
        items = np.concatenate((motion.measured, motion.torque[:, :, None]), axis=2)
        return Sequences(
            items=list(items),
            labels=["pendulum"] * config.recordings,
            features=COLUMNS,
            origin="pendulum",
            names=tuple(f"pendulum {i + 1}" for i in range(config.recordings)),
            rate_hz=round(1 / config.step_s),
        )


def random_starts(count: int, draw: np.random.Generator) -> Numbers:
    """Any angle, and rates up to 1 rad/s either way: [N 2]."""
    return np.stack((draw.uniform(-math.pi, math.pi, count), draw.uniform(-1, 1, count)), axis=1)


def random_torques(config: PendulumConfig, draw: np.random.Generator) -> Numbers:
    """Steps of random height, each held for a random time: [N T]."""
    torques = np.empty((config.recordings, config.steps))
    for row in torques:
        at = 0
        while at < config.steps:
            held = max(1, round(draw.uniform(*_HELD_S) / config.step_s))
            row[at : at + held] = draw.uniform(-config.limit, config.limit)
            at += held
    return torques


def expert(config: PendulumConfig, state: Numbers) -> Numbers:
    """The torque [N] that the expert chooses in the true state [N 2]."""
    theta, rate = np.angle(np.exp(1j * state[:, 0])), state[:, 1]
    energy = rate**2 / 2 + GRAVITY * (np.cos(theta) - 1)
    push = config.limit * np.clip((_ENOUGH - energy) / _BAND, -1, 1) * np.tanh(rate / _SWING)
    # exactly at rest there is no motion to push along
    push = np.where((np.abs(rate) < 1e-3) & (np.abs(theta) > _TOP), config.limit, push)
    balance = -(np.stack((theta, rate), axis=1) @ balancing_gains(config))
    near = (np.abs(theta) < _TOP) & (np.abs(balance) < 2 * config.limit)
    return np.clip(np.where(near, balance, push), -config.limit, config.limit)


def balancing_gains(config: PendulumConfig) -> Numbers:
    """k1, k2 of the linear quadratic regulator at the top, for costs 10 theta^2 + rate^2 + u^2, in closed form.

    With theta'' = a theta - d theta' + u the closed loop's polynomial is s^2 + p1 s + p0, and spectral factorisation
    gives p0^2 = a^2 + 10 and p1^2 = d^2 + 2 a + 1 + 2 p0.
    """
    p0 = math.sqrt(GRAVITY**2 + 10.0)
    p1 = math.sqrt(config.damping**2 + 2 * GRAVITY + 1.0 + 2 * p0)
    return np.array([GRAVITY + p0, p1 - config.damping])


def simulate(
    config: PendulumConfig,
    state: Numbers,
    choose: Callable[[int, Numbers, Numbers], Numbers],
    draw: np.random.Generator,
) -> Motion:
    """`config.steps` steps from `state`. choose: step, true state [N 2], measured [N 3] -> torque [N]."""
    states, seen, torques = [], [], []
    gust, gust_steps = np.zeros(len(state)), max(1, round(_GUST_S / config.step_s))
    for step in range(config.steps):
        true = np.stack((np.sin(state[:, 0]), np.cos(state[:, 0]), state[:, 1]), axis=1)
        measured = true + config.noise * draw.standard_normal(true.shape)
        torque = np.clip(choose(step, state, measured), -config.limit, config.limit)
        if step % gust_steps == 0:
            gust = config.disturbance * draw.standard_normal(len(state))
        states.append(state)
        seen.append(measured)
        torques.append(torque)
        state = advance(config, state, torque + gust)
    return Motion(np.stack(states, axis=1), np.stack(seen, axis=1), np.stack(torques, axis=1))


def advance(config: PendulumConfig, state: Numbers, torque: Numbers) -> Numbers:
    """One step of RK4 with the torque [N] held: [N 2] -> [N 2]."""

    def slope(at: Numbers) -> Numbers:
        return np.stack((at[:, 1], GRAVITY * np.sin(at[:, 0]) + torque - config.damping * at[:, 1]), axis=1)

    h = config.step_s
    k1 = slope(state)
    k2 = slope(state + h / 2 * k1)
    k3 = slope(state + h / 2 * k2)
    k4 = slope(state + h * k3)
    return np.asarray(state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))


def closed_loop(config: PendulumConfig, controller: Controller | None, starts: Numbers, seed: int) -> Motion:
    """What becomes of the pendulum from each of `starts` [N 2], if a controller that sees measurements alone chooses
    the torque; None: the expert, who sees the true state.
    """

    def choose(step: int, state: Numbers, measured: Numbers) -> Numbers:
        return expert(config, state) if controller is None else controller(measured)

    return simulate(config, starts, choose, np.random.default_rng(seed))


def upright(config: PendulumConfig, motion: Motion, *, within: float = 0.2, seconds: float = 1.0) -> Numbers:
    """Which recordings stay this close to upright, in rad, for the last seconds: [N] of bool."""
    last = max(1, round(seconds / config.step_s))
    theta = np.angle(np.exp(1j * motion.state[:, -last:, 0]))
    return np.asarray((np.abs(theta) < within).all(axis=1))
