"""A Parquet file, read by column name."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from seqhub.data.configs import ParquetConfig
from seqhub.data.files import existing, located
from seqhub.data.table import Table
from seqhub.errors import DataError


class ParquetSource:
    """Every column of the file, in its own type."""

    def __init__(self, config: ParquetConfig, base_dir: Path) -> None:
        self.path = located(base_dir, config.path)
        self.origin = config.path

    def read(self) -> Table:
        """The table; DataError where the file is not Parquet, has no rows, or two columns of one name."""
        existing(self.path, self.origin)
        try:
            with pa.parquet.ParquetFile(self.path) as file:
                table = file.read()
        except (pa.ArrowException, OSError) as error:
            what = f"{self.origin} cannot be read as Parquet: {str(error).splitlines()[0]}"
            raise DataError(what, code="E300", fix="write it again, or use type: csv if it is text") from None
        repeated = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
        if repeated:
            raise DataError(
                f"{self.origin}: more than one column is named {', '.join(map(repr, repeated))}",
                code="E305",
                fix="rename all but one",
            )
        if table.num_rows == 0:
            raise DataError(f"{self.origin} has columns and no rows", code="E303", fix="write rows into it")
        return Table(dict(zip(table.column_names, table.columns, strict=True)), self.origin)
