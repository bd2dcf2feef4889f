"""Sources of motion: the pendulum against physics, its expert against Riccati, inclination against known turns."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.io
import scipy.linalg

from seqhub.data.broad import BroadSource, followed, up_of
from seqhub.data.configs_motion import BroadConfig, MatConfig, PendulumConfig
from seqhub.data.mat_file import MatSource
from seqhub.data.pendulum import (
    GRAVITY,
    PendulumSource,
    advance,
    balancing_gains,
    closed_loop,
    expert,
    random_starts,
    upright,
)
from seqhub.errors import DataError


def test_a_step_is_that_of_scipys_integrator():
    config = PendulumConfig(damping=0.3)
    state, torque = np.array([[2.5, -1.0], [0.1, 3.0]]), np.array([1.5, -2.0])
    after = advance(config, state, torque)
    for row, (start, push) in enumerate(zip(state, torque, strict=True)):
        exact = scipy.integrate.solve_ivp(
            lambda t, at, push=push: (at[1], GRAVITY * math.sin(at[0]) + push - 0.3 * at[1]),
            (0, config.step_s),
            start,
            rtol=1e-10,
            atol=1e-12,
        )
        assert after[row] == pytest.approx(exact.y[:, -1], abs=2e-6)


def test_energy_stays_where_nothing_brakes_or_pushes():
    config = PendulumConfig(damping=0.0)
    state = np.array([[1.0, 0.5]])

    def energy(at):
        return float(at[0, 1] ** 2 / 2 + GRAVITY * np.cos(at[0, 0]))

    before = energy(state)
    for _ in range(250):
        state = advance(config, state, np.zeros(1))
    assert energy(state) == pytest.approx(before, abs=2e-3)


def test_the_gains_solve_riccatis_equation():
    config = PendulumConfig(damping=0.4)
    a, b = np.array([[0.0, 1.0], [GRAVITY, -0.4]]), np.array([[0.0], [1.0]])
    solved = scipy.linalg.solve_continuous_are(a, b, np.diag([10.0, 1.0]), np.eye(1))
    assert balancing_gains(config) == pytest.approx((b.T @ solved)[0], rel=1e-9)


def test_the_expert_swings_up_from_anywhere_and_an_idle_one_does_not():
    config = PendulumConfig(steps=250, disturbance=0.5)
    starts = np.concatenate((random_starts(40, np.random.default_rng(0)), [[math.pi, 0.0]]))  # the last hangs at rest
    done = closed_loop(config, None, starts, seed=1)
    assert upright(config, done).all()
    assert np.abs(done.torque).max() <= config.limit
    # three newton metres cannot hold it level: it had to swing
    assert np.abs(done.state[-1, :, 0] - math.pi).max() > 1.0
    assert upright(config, closed_loop(config, lambda measured: np.zeros(len(measured)), starts, seed=1)).sum() == 0


def test_recordings_are_those_of_the_seed():
    config = PendulumConfig(recordings=4, steps=50, noise=0.0)
    found = PendulumSource(config, Path()).read()
    assert found.features == ("sin", "cos", "rate", "torque")
    assert found.rate_hz == 25
    assert [item.shape for item in found.items] == [(50, 4)] * 4
    assert found.items[0][0] == pytest.approx([0.0, -1.0, 0.0, found.items[0][0, 3]], abs=1e-12)  # hanging, at rest
    again = PendulumSource(config, Path()).read()
    assert all(np.array_equal(a, b) for a, b in zip(found.items, again.items, strict=True))
    other = PendulumSource(PendulumConfig(recordings=4, steps=50, noise=0.0, seed=2), Path()).read()
    assert not np.array_equal(found.items[0], other.items[0])
    # a row's torque acts from its own time on
    state = np.array([[math.pi, 0.0]])
    for row in found.items[1][:20]:
        assert row[:3] == pytest.approx([math.sin(state[0, 0]), math.cos(state[0, 0]), state[0, 1]], abs=1e-9)
        state = advance(config, state, row[3:])


def test_the_expert_is_asked_for_the_true_state_and_disturbed_behind_its_back():
    config = PendulumConfig(drive="expert", recordings=3, steps=40, noise=0.0, disturbance=1.0)
    for item in PendulumSource(config, Path()).read().items:
        state = np.stack((np.arctan2(item[:, 0], item[:, 1]), item[:, 2]), axis=1)
        assert item[:, 3] == pytest.approx(expert(config, state), abs=1e-9)


def quaternion(axis: list[float], angle: float) -> list[float]:
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    s = math.sin(angle / 2)
    return [math.cos(angle / 2), x * s, y * s, z * s]


def test_up_is_the_earths_axis_in_those_of_the_sensor():
    turns = [quaternion([0, 0, 1], 0.7), quaternion([1, 0, 0], math.pi / 2), quaternion([1, 2, 3], 1.1)]
    for turn, up in zip(turns, up_of(np.array(turns)), strict=True):
        w, x, y, z = turn
        to_earth = scipy.spatial.transform.Rotation.from_quat([x, y, z, w])
        assert to_earth.apply(up) == pytest.approx([0, 0, 1], abs=1e-12)
    assert up_of(np.array(turns))[1] == pytest.approx([0, 1, 0], abs=1e-12)


def test_the_integrator_follows_a_turn_and_drifts_and_the_filter_does_not():
    rate, step_s, steps = 0.5, 0.01, 400
    gyr = np.tile([rate, 0.0, 0.0], (steps, 1))
    angles = rate * step_s * np.arange(1, steps + 1)
    truth = up_of(np.array([quaternion([1, 0, 0], angle) for angle in angles]))
    acc = GRAVITY * np.concatenate(([[0.0, 0.0, 1.0]], truth[1:]))
    assert followed(gyr, acc, step_s, math.inf) == pytest.approx(truth, abs=1e-6)
    biased = gyr + np.array([0.1, 0.0, 0.0])
    drift = np.linalg.norm(followed(biased, acc, step_s, math.inf)[-1] - truth[-1])
    assert drift == pytest.approx(0.1 * step_s * steps, rel=0.02)
    assert np.linalg.norm(followed(biased, acc, step_s, 0.2)[-1] - truth[-1]) < drift / 10


def trial(path: Path, **other: Any) -> Path:
    turns = np.array([quaternion([0, 1, 0], 0.01 * i) for i in range(30)])
    turns[5] = np.nan
    arrays = {
        "imu_gyr": np.zeros((30, 3)),
        "imu_acc": np.tile([0.0, 0.0, GRAVITY], (30, 1)),
        "opt_quat": turns,
        "movement": np.ones((30, 1), dtype=np.uint8),
        "sampling_rate": np.array([[100.0]]),
        **other,
    }
    scipy.io.savemat(path, {name: array for name, array in arrays.items() if array is not None})
    return path


def test_a_trial_becomes_columns(tmp_path):
    trial(tmp_path / "t.mat")
    table = BroadSource(BroadConfig(path="t.mat"), tmp_path).read()
    assert table.rows == 30
    assert list(table.columns)[:3] == ["gyr x", "gyr y", "gyr z"]
    assert table.columns["up x"][10] == pytest.approx(-math.sin(0.1))
    assert np.isnan(table.columns["up z"][5])
    assert table.columns["filter up z"] == pytest.approx(np.ones(30))
    assert table.columns["movement"].tolist() == [1.0] * 30
    acc = np.arange(90.0).reshape(30, 3) + 1
    trial(tmp_path / "t.mat", imu_acc=acc)
    whole, thin = (BroadSource(BroadConfig(path="t.mat", every=every), tmp_path).read() for every in (1, 4))
    assert thin.rows == 7
    assert thin.columns["acc y"] == pytest.approx(acc[:28, 1].reshape(7, 4).mean(axis=1))
    for name in ("up x", "filter up y"):
        assert thin.columns[name] == pytest.approx(whole.columns[name][3:28:4], nan_ok=True)


def test_arrays_become_columns(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(3, 2), "b": np.array([[1], [2], [3]]), "note": "text", "rate": 5.0}
    scipy.io.savemat(tmp_path / "m.mat", arrays)
    table = MatSource(MatConfig(path="m.mat"), tmp_path).read()
    assert {name: column.tolist() for name, column in table.columns.items()} == {
        "a 0": [0.0, 2.0, 4.0],
        "a 1": [1.0, 3.0, 5.0],
        "b": [1.0, 2.0, 3.0],
    }
    assert list(MatSource(MatConfig(path="m.mat", arrays=("b",)), tmp_path).read().columns) == ["b"]


BROKEN = {
    "nothing": (None, {}, "E301", "does not exist"),
    "no matlab": (b"x" * 500, {}, "E300", "cannot be read as a MATLAB file"),
    "cut": (b"cut", {}, "E300", "cannot be read as a MATLAB file"),
    "no such array": (b"", {"arrays": ("imu_gir",)}, "E314", "did you mean 'imu_gyr'"),
    "other length": (b"", {"arrays": ("imu_gyr", "sampling_rate")}, "E314", "has 1 rows, 'imu_gyr' has 30"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_with_its_fix(tmp_path, name):
    content, options, code, says = BROKEN[name]
    path = tmp_path / "m.mat"
    if content is not None:
        trial(path)
        whole = path.read_bytes()
        path.write_bytes(whole if content == b"" else whole[: len(whole) // 2] if content == b"cut" else content)
    with pytest.raises(DataError, match=re.escape(says)) as error:
        MatSource(MatConfig(path="m.mat", **options), tmp_path).read()
    assert error.value.problems[0].code == code
    assert error.value.problems[0].fix


def test_a_file_of_something_else_is_no_trial(tmp_path):
    trial(tmp_path / "t.mat", opt_quat=None)
    with pytest.raises(DataError, match="has no array 'opt_quat' of 4 columns") as error:
        BroadSource(BroadConfig(path="t.mat"), tmp_path).read()
    assert error.value.problems[0].code == "E314"
