"""A trial of BROAD, the Berlin robust orientation estimation assessment data set: doi:10.3390/data6070072.

An inertial sensor at 285.7 Hz, and by cameras the quaternion that turns its axes into the earth's. What is learnt is
which way is up, as a unit vector in the sensor's axes: the angle to the true one is the error of inclination. It does
not depend on the heading, and neither accelerometer nor gyroscope can tell it alone.

    up' = up x w                               a fixed direction, seen from axes that turn by w rad/s

Beside it stand the answers of two classical methods, which run through the whole trial and begin at the first sample's
acceleration: `integrator` turns that direction by the rates alone; `filter` pulls it towards the acceleration as well,
with a time constant (a complementary filter; Mahony et al. 2008, doi:10.1109/TAC.2008.923738, without the bias).

Shapes: T steps.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from seqhub.data.configs_motion import BroadConfig
from seqhub.data.files import located
from seqhub.data.mat_file import read_mat
from seqhub.data.table import Numbers, Table
from seqhub.errors import DataError

_NEEDED = {"imu_gyr": 3, "imu_acc": 3, "opt_quat": 4, "movement": 1, "sampling_rate": 1}
_AXES = "xyz"


class BroadSource:
    """Columns `gyr x` (rad/s), `acc x` (m/s^2), `up x`, `integrator up x`, `filter up x` and so on for y and z, and
    `movement`, which is 1 in the part that BROAD's own numbers are about. `up` is NaN where the cameras lost the body.
    """

    def __init__(self, config: BroadConfig, base_dir: Path) -> None:
        self.config, self.path = config, located(base_dir, config.path)

    def read(self) -> Table:
        """DataError E300 to E303 where the file cannot be read, E314 where an array is missing or of another width."""
        arrays = read_mat(self.path, self.config.path)
        for name, width in _NEEDED.items():
            if name not in arrays or arrays[name].shape[1] != width:
                what = f"has no array {name!r} of {width} columns"
                fix = "use a file of data_mat/ of https://github.com/dlaidig/broad, or source: mat"
                raise DataError(f"{self.config.path} {what}", code="E314", fix=fix)
        gyr, acc = arrays["imu_gyr"], arrays["imu_acc"]
        step_s = 1 / float(arrays["sampling_rate"][0, 0])
        named = {
            "gyr": gyr,
            "acc": acc,
            "up": up_of(arrays["opt_quat"]),
            "integrator up": followed(gyr, acc, step_s, math.inf),
            "filter up": followed(gyr, acc, step_s, self.config.filter_s),
        }
        named = {name: self._thinned(values, mean=name in ("gyr", "acc")) for name, values in named.items()}
        columns = {f"{name} {axis}": values[:, i] for name, values in named.items() for i, axis in enumerate(_AXES)}
        return Table(columns | {"movement": self._thinned(arrays["movement"], mean=False)[:, 0]}, self.config.path)

    def _thinned(self, values: Numbers, *, mean: bool) -> Numbers:
        """[T K] -> [T / every  K]; a rest of samples at the end is left out."""
        every = self.config.every
        blocks = values[: len(values) - len(values) % every].reshape(-1, every, values.shape[1])
        return blocks.mean(axis=1) if mean else blocks[:, -1]


def up_of(quaternions: Numbers) -> Numbers:
    """The earth's z axis in the sensor's axes, of quaternions [T 4] (w x y z) from sensor to earth: [T 3]."""
    w, x, y, z = quaternions.T
    return np.stack((2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z), axis=1)


def followed(gyr: Numbers, acc: Numbers, step_s: float, constant_s: float) -> Numbers:
    """Which way is up [T 3] by turning with the rates gyr [T 3], pulled towards acc [T 3] within about `constant_s`;
    infinity: not pulled.
    """
    share = 0.0 if math.isinf(constant_s) else 1 - math.exp(-step_s / constant_s)
    seen = acc / np.maximum(np.linalg.norm(acc, axis=1, keepdims=True), 1e-12)
    up = tuple(seen[0].tolist())
    found = []
    for (wx, wy, wz), (ax, ay, az) in zip((gyr * step_s).tolist(), seen.tolist(), strict=True):
        x, y, z = _turned(up, wx, wy, wz)
        x, y, z = x + share * (ax - x), y + share * (ay - y), z + share * (az - z)
        length = math.sqrt(x * x + y * y + z * z)
        up = (x / length, y / length, z / length)
        found.append(up)
    return np.array(found)


def _turned(up: tuple[float, ...], wx: float, wy: float, wz: float) -> tuple[float, float, float]:
    """A fixed direction after the axes have turned by the vector w, rad: Rodrigues' formula with -w."""
    angle = math.sqrt(wx * wx + wy * wy + wz * wz)
    x, y, z = up
    if angle < 1e-15:
        return x, y, z
    nx, ny, nz = -wx / angle, -wy / angle, -wz / angle
    cos, sin = math.cos(angle), math.sin(angle)
    along = (nx * x + ny * y + nz * z) * (1 - cos)
    return (
        x * cos + (ny * z - nz * y) * sin + nx * along,
        y * cos + (nz * x - nx * z) * sin + ny * along,
        z * cos + (nx * y - ny * x) * sin + nz * along,
    )
