"""Options of the sources of motion, under `data.source` in a recipe. No numpy, no torch."""

from __future__ import annotations

from typing import Literal

from seqhub.api import Config, config, option

Problems = list[tuple[str, str, str]]


@config
class PendulumConfig(Config):
    """A damped pendulum driven by a torque, simulated: recordings without a laboratory."""

    drive: Literal["random", "expert"] = option(
        "random",
        help="who chooses the torque: chance, from rest; or a controller that swings the pendulum up, from anywhere",
    )
    recordings: int = option(200, help="recordings", ge=3)
    steps: int = option(300, help="steps of a recording", ge=2, unit="steps")
    step_s: float = option(0.04, help="time between two steps", gt=0, le=0.1, unit="s")
    limit: float = option(3.0, help="largest torque; 9.81 would hold the pendulum out level", gt=0, unit="N m")
    damping: float = option(0.2, help="torque that brakes, per rad/s", ge=0, unit="N m s")
    noise: float = option(0.02, help="standard deviation of the noise on sin, cos and rate", ge=0)
    disturbance: float = option(
        0.0, help="standard deviation of a torque that nobody chose, held for a tenth of a second", ge=0, unit="N m"
    )
    seed: int = option(1, help="what the recordings are drawn with", ge=0)


@config
class MatConfig(Config):
    """Arrays of a MATLAB file (version 5 to 7.2) as columns, a row each step."""

    path: str = option(help="the file, relative to the recipe or to the folder SEQHUB_DATA")
    arrays: tuple[str, ...] = option((), help="which arrays; empty: all that have as many rows as the longest")


@config
class BroadConfig(Config):
    """A trial of BROAD: an inertial sensor on a moving body, and which way is up, by cameras."""

    path: str = option(help="a file of data_mat/, relative to the recipe or to the folder SEQHUB_DATA")
    filter_s: float = option(10.0, help="time constant of the complementary filter", gt=0, unit="s")
    every: int = option(
        1, help="samples that become one step: rates and accelerations by their mean, the rest as at the last", ge=1
    )
