"""No source that reads files is left out of the tables of bad data."""

from __future__ import annotations

from seqhub.data.specs import seqhub_register_sources
from tests.data import test_bad_hub, test_bad_series, test_bad_tables, test_bad_texts


def test_the_tables_have_every_source_that_reads_files():
    reads = {
        spec.name for spec in seqhub_register_sources() if {"path", "source"} & set(spec.config.__dataclass_fields__)
    }
    families = (test_bad_hub, test_bad_series, test_bad_tables, test_bad_texts)
    assert reads <= {case.split(":")[0] for family in families for case in family.TABLE}
