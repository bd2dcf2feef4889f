"""The sources that arrive with seqhub. No numpy, no torch: targets are imported on first use."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import SourceSpec, hookimpl
from seqhub.data.configs import BuiltinConfig, CsvConfig, NpzConfig, ParquetConfig
from seqhub.data.configs_audio import BeepsConfig, WavConfig
from seqhub.data.configs_counts import DemandConfig
from seqhub.data.configs_hub import HuggingFaceConfig
from seqhub.data.configs_motion import BroadConfig, MatConfig, PendulumConfig
from seqhub.data.configs_parallel import DatesConfig, ParallelConfig
from seqhub.data.configs_series import ArffConfig, BlocksConfig, SeriesFileConfig, UcrConfig
from seqhub.data.configs_text import ConllConfig, ConlluConfig, JsonlConfig, LinesConfig, TextConfig, WordLinesConfig


@hookimpl
def seqhub_register_sources() -> Iterator[SourceSpec]:
    yield SourceSpec(
        name="csv",
        target="seqhub.data.csv_file:CsvSource",
        config=CsvConfig,
        summary="Text with a header line and one row a line.",
    )
    yield SourceSpec(
        name="parquet",
        target="seqhub.data.parquet_file:ParquetSource",
        config=ParquetConfig,
        summary="A Parquet file, read by column name.",
    )
    yield SourceSpec(
        name="npz",
        target="seqhub.data.npz_file:NpzSource",
        config=NpzConfig,
        summary="A NumPy archive of columns, or of padded sequences (x, lengths, y).",
    )
    yield SourceSpec(
        name="ts",
        target="seqhub.data.series_files:TsSource",
        config=SeriesFileConfig,
        summary="Labelled series of the UEA and UCR archives: several dimensions, lengths that differ, missing values.",
        reference="https://www.aeon-toolkit.org",
    )
    yield SourceSpec(
        name="ucr",
        target="seqhub.data.series_files:UcrSource",
        config=UcrConfig,
        summary="A table of the UCR archive: one series a line, its label first.",
        reference="Dau et al. 2018, https://www.cs.ucr.edu/~eamonn/time_series_data_2018",
    )
    yield SourceSpec(
        name="blocks",
        target="seqhub.data.series_files:BlocksSource",
        config=BlocksConfig,
        summary="Blocks in plain text: a line with a label, then rows of numbers, one a step.",
    )
    yield SourceSpec(
        name="arff",
        target="seqhub.data.arff_file:ArffSource",
        config=ArffConfig,
        summary="A table whose columns are declared above its rows (Weka).",
    )
    yield SourceSpec(
        name="co2",
        target="seqhub.data.builtin:Co2Source",
        config=BuiltinConfig,
        summary="Weekly CO2 at Mauna Loa in ppm, 1958 to 2001: columns date and co2, which has 59 gaps.",
        reference="Keeling and Whorf 2004, Scripps Institution of Oceanography; from statsmodels",
    )
    yield SourceSpec(
        name="sunspots",
        target="seqhub.data.builtin:SunspotsSource",
        config=BuiltinConfig,
        summary="Yearly mean sunspot numbers, 1700 to 2008 (columns year, sunspots).",
        reference="World Data Center for the Sunspot Index, Royal Observatory of Belgium; from statsmodels",
    )
    yield SourceSpec(
        name="digits",
        target="seqhub.data.builtin:DigitsSource",
        config=BuiltinConfig,
        summary="1,797 handwritten digits of 8 x 8 pixels, each read row by row: 8 steps of 8 features.",
        reference="Alpaydin and Kaynak 1998, UCI Machine Learning Repository; from scikit-learn",
    )
    yield SourceSpec(
        name="text",
        target="seqhub.data.text_file:TextSource",
        config=TextConfig,
        summary="A file of running text, larger than memory if need be.",
    )
    yield SourceSpec(
        name="pydoc",
        target="seqhub.data.builtin_text:PydocSource",
        config=BuiltinConfig,
        summary="Python's language reference as `help()` shows it: 465,000 characters of English and programs.",
        reference="Python Software Foundation, PSF licence; from the running Python (pydoc_data)",
    )
    yield SourceSpec(
        name="wav",
        target="seqhub.data.wav_files:WavSource",
        config=WavConfig,
        summary="Recordings in a folder or a list, each with what is said in it.",
    )
    yield SourceSpec(
        name="beeps",
        target="seqhub.data.beeps:BeepsSource",
        config=BeepsConfig,
        summary="Words of two tones each in noise, made by a seed: recordings without a download.",
    )
    yield SourceSpec(
        name="pendulum",
        target="seqhub.data.pendulum:PendulumSource",
        config=PendulumConfig,
        summary="A driven pendulum, simulated by a seed: columns sin, cos, rate and torque.",
        reference="Astrom and Furuta 2000, doi:10.1016/S0005-1098(99)00140-5",
    )
    yield SourceSpec(
        name="mat",
        target="seqhub.data.mat_file:MatSource",
        config=MatConfig,
        summary="Arrays of a MATLAB file as columns.",
    )
    yield SourceSpec(
        name="broad",
        target="seqhub.data.broad:BroadSource",
        config=BroadConfig,
        summary="A trial of BROAD: inertial measurements, which way is up, and what two classical filters say of it.",
        reference="Laidig et al. 2021, doi:10.3390/data6070072",
    )
    yield SourceSpec(
        name="parallel",
        target="seqhub.data.parallel:ParallelSource",
        config=ParallelConfig,
        summary="Two text files, line by line the same in two languages.",
    )
    yield SourceSpec(
        name="dates",
        target="seqhub.data.dates:DatesSource",
        config=DatesConfig,
        summary="Generated: dates as people write them, beside the same dates in ISO 8601.",
    )
    yield SourceSpec(
        name="conll",
        target="seqhub.data.conll_file:ConllSource",
        config=ConllConfig,
        summary="Sentences with tags, a token a line, columns apart by blanks (CoNLL-2003).",
    )
    yield SourceSpec(
        name="conllu",
        target="seqhub.data.conll_file:ConlluSource",
        config=ConlluConfig,
        summary="Treebanks of Universal Dependencies (CoNLL-U).",
        reference="https://universaldependencies.org/format.html",
    )
    yield SourceSpec(
        name="word-lines",
        target="seqhub.data.word_lines:WordLinesSource",
        config=WordLinesConfig,
        summary="Sentences a line in one file, their tags in another.",
    )
    yield SourceSpec(
        name="appointments",
        target="seqhub.data.appointments:AppointmentsSource",
        config=BuiltinConfig,
        summary="2,000 sentences of a small grammar, with spans of person, date, time and amount; made on the spot.",
    )
    yield SourceSpec(
        name="jsonl",
        target="seqhub.data.jsonl_file:JsonlSource",
        config=JsonlConfig,
        summary="One JSON object a line, read by its keys.",
    )
    yield SourceSpec(
        name="lines",
        target="seqhub.data.lines:LinesSource",
        config=LinesConfig,
        summary="Texts with labels, one a line, without header or quotes.",
    )
    yield SourceSpec(
        name="hugging-face",
        target="seqhub.data.hugging_face:HuggingFaceSource",
        config=HuggingFaceConfig,
        summary="A data set of the Hugging Face Hub, or a folder that `save_to_disk` wrote: Arrow, mapped into memory.",
        reference="Lhoest et al. 2021, arXiv:2109.02846; needs the library datasets (extra `hub`)",
    )
    yield SourceSpec(
        name="demand",
        target="seqhub.data.demand:DemandSource",
        config=DemandConfig,
        summary="Generated: how often an item is sold on a day, with promotions; columns date, item, count, promotion.",
        reference="likelihood: Salinas et al. 2017, arXiv:1704.04110",
    )
