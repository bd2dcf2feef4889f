"""Arrays of a MATLAB file. Numbers only: scipy reads them without running anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seqhub.data.configs_motion import MatConfig
from seqhub.data.files import existing, located
from seqhub.data.nearest import nearest
from seqhub.data.table import Numbers, Table
from seqhub.errors import DataError


class MatSource:
    """A column for each array [N] or [N 1], and `name 0`, `name 1` and so on for an array [N K]."""

    def __init__(self, config: MatConfig, base_dir: Path) -> None:
        self.config, self.path = config, located(base_dir, config.path)

    def read(self) -> Table:
        """DataError E300 to E303 where the file cannot be read, E314 where arrays are missing or do not fit."""
        origin = self.config.path
        arrays = read_mat(self.path, origin)
        for name in self.config.arrays:
            if name not in arrays:
                fix = nearest(name, arrays, "arrays of numbers")
                raise DataError(f"{origin} has no array {name!r}", code="E314", fix=fix)
        rows = max(map(len, arrays.values()))
        chosen = self.config.arrays or [name for name, array in arrays.items() if len(array) == rows]
        columns: dict[str, Numbers] = {}
        for name in chosen:
            array = arrays[name]
            if len(array) != len(arrays[chosen[0]]):
                what = f"array {name!r} has {len(array)} rows, {chosen[0]!r} has {len(arrays[chosen[0]])}"
                raise DataError(f"{origin}: {what}", code="E314", fix="name arrays of one length in data.source.arrays")
            if array.shape[1] == 1:
                columns[name] = array[:, 0]
            else:
                columns |= {f"{name} {i}": column for i, column in enumerate(array.T)}
        return Table(columns, origin)


def read_mat(path: Path, named: str) -> dict[str, Numbers]:
    """Every matrix of real numbers in the file, [N K] each. `named` is what the recipe calls it.

    DataError E301, E302 where there is no file, E300 where it is none of MATLAB's, E303 where it holds no numbers.
    """
    from scipy.io import loadmat

    existing(path, named)
    try:
        found = loadmat(path, appendmat=False)
    except NotImplementedError:
        fix = "save it again as version 7: save('file.mat', '-v7'), or as .npz"
        raise DataError(f"{named} is of MATLAB's version 7.3", code="E300", fix=fix) from None
    except Exception as error:  # scipy raises what it stumbles over: ValueError, TypeError, zlib.error, OSError
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        fix = "write the file again, or save its arrays as .npz"
        raise DataError(f"{named} cannot be read as a MATLAB file: {reason}", code="E300", fix=fix) from None
    arrays = {
        name: np.asarray(array, dtype=np.float64)
        for name, array in found.items()
        if not name.startswith("__") and getattr(array, "ndim", 0) == 2 and array.dtype.kind in "fiub" and array.size
    }
    if not arrays:
        raise DataError(f"{named} holds no matrices of numbers", code="E303", fix="save arrays [rows, columns]")
    return arrays
