"""Bad tables (see test_broken_csv for what csv has beside these): files of rows and columns."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import scipy.io

from tests.data.bad import CLASSIFY, EMBEDDED, FORECAST, Bad, bad, changed, check_one_clear_error, latin, recipe

NAMED = "{source: {type: %s, path: data.%s}, target: [y], time: t}"
KINDS = {
    "csv": recipe(FORECAST, NAMED % ("csv", "csv")),
    "csv groups": recipe(FORECAST, "{source: {type: csv, path: data.csv}, target: [y], time: t, series: z}"),
    "csv labels": recipe("{type: text-classify, tokens: words}", "{source: {type: csv, path: data.csv}}", EMBEDDED),
    "parquet": recipe(FORECAST, NAMED % ("parquet", "parquet")),
    "npz": recipe(FORECAST, "{source: {type: npz, path: data.npz}, target: [y]}"),
    "npz items": recipe(CLASSIFY, "{source: {type: npz, path: data.npz}}"),
    "arff": recipe(CLASSIFY, "{source: {type: arff, path: data.arff}, label: c, window: 3}"),
    "mat": recipe("{type: regress}", "{source: {type: mat, path: data.mat}, target: [y], features: [u]}"),
    "broad": recipe("{type: regress}", "{source: {type: broad, path: data.mat}, target: [up_x], features: [acc_x]}"),
}

ROWS = [f"2020-01-{day:02d},{day * day % 7 + day / 4},{day}" for day in range(1, 31)]
ARFF = "@relation r\n@attribute v numeric\n@attribute c {p,q}\n@data\n" + "1,p\n2,p\n3,q\n4,q\n" * 20
DAYS = np.array("2020-01-01", dtype="datetime64[us]") + np.arange(30) * np.timedelta64(1, "D")
Y = np.arange(30.0) * 7 % 5
U = np.sin(np.arange(400.0))
X = np.random.default_rng(0).normal(size=(24, 5, 2))
LABELS = np.arange(24) % 2


def csv(rows: list[str], header: str = "t,y,z") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def parquet(columns: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pa.parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def mat(**arrays: Any) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, arrays)
    return file.getvalue()


TABLE: dict[str, Bad] = {
    "csv: a short series among others": bad(
        "csv groups",
        "data.csv",
        csv([*(row.rsplit(",", 1)[0] + ",a" for row in ROWS), "2020-01-01,1,b"]),
        "E311",
        None,
        "data.csv, z 'b', has 1 rows",
        "one window needs 8",
    ),
    "csv: a time twice in one series": bad(
        "csv groups",
        "data.csv",
        csv([*(row.rsplit(",", 1)[0] + ",a" for row in ROWS), "2020-01-30,1,a"]),
        "E310",
        32,
        "2020-01-30 appears twice, first on line 31",
        "repeated: first, last or mean",
    ),
    "csv: empty text": bad(
        "csv labels", "data.csv", "text,label\nfine,a\n ,b\n", "E309", 3, "'text': the cell is empty"
    ),
    "csv: empty label": bad("csv labels", "data.csv", "text,label\nfine,a\nbad,\n", "E309", 3, "'label': the cell is"),
    "parquet: damaged": bad(
        "parquet", "data.parquet", b"PAR1 no", "E300", None, "data.parquet cannot be read as Parquet"
    ),
    "parquet: no bytes": bad("parquet", "data.parquet", b"", "E302", None, "data.parquet is empty"),
    "parquet: infinite": bad(
        "parquet",
        "data.parquet",
        parquet({"t": DAYS, "y": changed(Y, 4, np.inf)}),
        "E309",
        None,
        "row 5, column 'y'",
        "inf",
    ),
    "parquet: missing": bad(
        "parquet",
        "data.parquet",
        parquet({"t": DAYS, "y": changed(Y, 4, np.nan)}),
        "E309",
        None,
        "data.missing: interp",
    ),
    "parquet: a time twice": bad(
        "parquet",
        "data.parquet",
        parquet({"t": DAYS[[*range(29), 28]], "y": Y}),
        "E310",
        None,
        "row 30",
        "appears twice",
    ),
    "parquet: too short": bad(
        "parquet", "data.parquet", parquet({"t": DAYS[:5], "y": Y[:5]}), "E311", None, "has 5 rows", "needs 8"
    ),
    "parquet: text": bad(
        "parquet",
        "data.parquet",
        parquet({"t": DAYS, "y": ["x"] * 30}),
        "E308",
        None,
        "row 1, column 'y': 'x' is not a",
    ),
    "parquet: lists": bad(
        "parquet",
        "data.parquet",
        parquet({"t": DAYS, "y": [[1.0]] * 30}),
        "E308",
        None,
        "holds list<",
        "a column of num",
    ),
    "npz: damaged": bad("npz", "data.npz", b"junk", "E300", None, "data.npz: it is not a NumPy archive"),
    "npz: infinite": bad(
        "npz", "data.npz", npz(y=changed(Y, 4, np.inf)), "E309", None, "row 5, column 'y': the value is inf"
    ),
    "npz: too short": bad("npz", "data.npz", npz(y=Y[:4]), "E311", None, "data.npz has 4 rows"),
    "npz: ragged": bad("npz", "data.npz", npz(y=Y, z=Y[:4]), "E314", None, "array 'z' has 4 rows, 'y' has 30"),
    "npz: infinite step": bad(
        "npz items",
        "data.npz",
        npz(x=changed(X, 13, np.inf), y=LABELS),
        "E309",
        None,
        "sequence 2, step 2, feature 'x1'",
    ),
    "npz: labels missing": bad("npz items", "data.npz", npz(x=X, y=LABELS[:3]), "E313", None, "'y' has shape (3,)"),
    "npz: empty label": bad("npz items", "data.npz", npz(x=X, y=np.array(["a", ""] * 12)), "E313", None, "sequence 2"),
    "npz: no steps": bad("npz items", "data.npz", npz(x=X, y=LABELS, lengths=LABELS), "E314", None, "lengths[0] is 0"),
    "npz: objects": bad("npz items", "data.npz", npz(x=X.astype(object), y=LABELS), "E314", None, "never loaded"),
    "arff: ragged": bad("arff", "data.arff", ARFF.replace("3,q", "3", 1), "E306", 7, "1 cells, the header declares 2"),
    "arff: label": bad(
        "arff", "data.arff", ARFF.replace("3,q", "3,z", 1), "E313", 7, "column 'c' is 'z'", "declares p, q"
    ),
    "arff: infinite": bad("arff", "data.arff", ARFF.replace("3,q", "inf,q", 1), "E309", 7, "'v': the value is inf"),
    "arff: text": bad("arff", "data.arff", ARFF.replace("3,q", "x,q", 1), "E308", 7, "'v': 'x' is not a number"),
    "arff: encoding": bad("arff", "data.arff", latin(ARFF.replace("3,q", "3,\xe9", 1)), "E304", 7, "byte 0xe9"),
    "arff: shorter than a window": bad(
        "arff",
        "data.arff",
        ARFF[: ARFF.index("@data") + 6] + "1,p\n2,p\n3,q\n4,q\n",
        "E311",
        None,
        "fewer than a window of 3",
    ),
    "mat: damaged": bad("mat", "data.mat", b"junk", "E300", None, "data.mat cannot be read as a MATLAB file", ".npz"),
    "mat: cut off": bad(
        "mat", "data.mat", mat(u=U, y=U)[:300], "E300", None, "data.mat cannot be read as a MATLAB file"
    ),
    "mat: infinite": bad(
        "mat", "data.mat", mat(u=U[:, None], y=changed(U, 5, np.inf)[:, None]), "E309", None, "row 6, column 'y'", "inf"
    ),
    "mat: a column is missing": bad("mat", "data.mat", mat(u=U[:, None]), "E307", None, "data.mat has no column 'y'"),
    "mat: too short": bad(
        "mat", "data.mat", mat(u=U[:3, None], y=U[:3, None]), "E311", None, "data.mat has 0 steps for"
    ),
    "broad: damaged": bad("broad", "data.mat", b"junk", "E300", None, "data.mat cannot be read as a MATLAB file"),
    "broad: another file": bad("broad", "data.mat", mat(u=U), "E314", None, "no array 'imu_gyr'", "source: mat"),
}


@pytest.mark.parametrize("case", TABLE)
def test_a_bad_table_is_one_clear_error(case, tmp_path, capsys):
    check_one_clear_error(TABLE[case], KINDS, tmp_path, capsys)
