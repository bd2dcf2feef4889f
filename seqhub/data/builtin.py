"""Data sets that arrive with a dependency: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seqhub.data.configs import BuiltinConfig
from seqhub.data.table import Sequences, Table


class Co2Source:
    """Weekly CO2 at Mauna Loa: columns `date` and `co2` (ppm), which is NaN in the weeks without a value."""

    def __init__(self, config: BuiltinConfig, base_dir: Path) -> None:
        del config, base_dir

    def read(self) -> Table:
        """2,284 rows; 59 of them have no value, all before 1986."""
        import statsmodels.api

        frame = statsmodels.api.datasets.co2.load_pandas().data
        dates = frame.index.to_numpy().astype("datetime64[us]")
        return Table({"date": dates, "co2": frame["co2"].to_numpy(dtype=np.float64)}, "co2")


class SunspotsSource:
    """Yearly mean sunspot numbers: columns `year` and `sunspots`."""

    def __init__(self, config: BuiltinConfig, base_dir: Path) -> None:
        del config, base_dir

    def read(self) -> Table:
        """309 rows, 1700 to 2008."""
        import statsmodels.api

        frame = statsmodels.api.datasets.sunspots.load_pandas().data
        years, values = (frame[name].to_numpy(dtype=np.float64) for name in ("YEAR", "SUNACTIVITY"))
        return Table({"year": years, "sunspots": values}, "sunspots")


class DigitsSource:
    """Handwritten digits read from the top row down: sequences [8 8] of ink from 0 to 16."""

    def __init__(self, config: BuiltinConfig, base_dir: Path) -> None:
        del config, base_dir

    def read(self) -> Sequences:
        """1,797 sequences with labels 0 to 9."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        return Sequences(
            items=list(digits.images),
            labels=[str(label) for label in digits.target.tolist()],
            features=tuple(f"column{i}" for i in range(8)),
            origin="digits",
        )
