"""The tasks that arrive with seqhub. No numpy, no torch: targets are imported on first use."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import TaskSpec, hookimpl
from seqhub.tasks.configs_audio import TranscribeConfig, TranscribeData
from seqhub.tasks.configs_classify import ClassifyConfig, ClassifyData
from seqhub.tasks.configs_forecast import ForecastConfig, ForecastData
from seqhub.tasks.configs_regress import RegressConfig, RegressData
from seqhub.tasks.configs_text import (
    LanguageModelConfig,
    LanguageModelData,
    SentenceData,
    TagConfig,
    TextClassifyConfig,
    TextClassifyData,
)
from seqhub.tasks.configs_translate import TranslateConfig, TranslateData


@hookimpl
def seqhub_register_tasks() -> Iterator[TaskSpec]:
    yield TaskSpec(
        name="forecast",
        target="seqhub.tasks.forecast:Forecast",
        config=ForecastConfig,
        data=ForecastData,
        summary="Predict the next steps of a series from the last ones.",
        metrics={"mae": "min", "mse": "min", "rmse": "min", "mase": "min", "skill": "max"},
    )
    yield TaskSpec(
        name="classify",
        target="seqhub.tasks.classify:Classify",
        config=ClassifyConfig,
        data=ClassifyData,
        summary="Give a whole sequence one label.",
        metrics={"accuracy": "max", "macro_f1": "max", "ece": "min"},
    )
    yield TaskSpec(
        name="regress",
        target="seqhub.tasks.regress:Regress",
        config=RegressConfig,
        data=RegressData,
        summary="Answer every step of a recording with numbers: other sensors' values, a system's output, a command.",
        metrics={"rmse": "min", "mae": "min", "r2": "max"},
    )
    yield TaskSpec(
        name="language-model",
        target="seqhub.tasks.language_model:LanguageModel",
        config=LanguageModelConfig,
        data=LanguageModelData,
        summary="Predict each token of a text from those before it, and go on writing.",
        metrics={"nats": "min", "perplexity": "min", "bits_per_character": "min"},
    )
    yield TaskSpec(
        name="transcribe",
        target="seqhub.tasks.transcribe:Transcribe",
        config=TranscribeConfig,
        data=TranscribeData,
        summary="Write down what is said in a recording: connectionist temporal classification (CTC).",
        reference="Graves et al. 2006, doi:10.1145/1143844.1143891",
        metrics={"wer": "min", "cer": "min"},
    )
    yield TaskSpec(
        name="translate",
        target="seqhub.tasks.translate:Translate",
        config=TranslateConfig,
        data=TranslateData,
        summary="Write one text for another: read it whole, and write token by token.",
        reference="arXiv:1409.3215, arXiv:1409.0473",
        metrics={"bleu": "max", "chrf": "max", "exact": "max"},
    )
    yield TaskSpec(
        name="tag",
        target="seqhub.tasks.tag:Tag",
        config=TagConfig,
        data=SentenceData,
        summary="Give every word of a sentence a tag: parts of speech, names, slots.",
        metrics={"accuracy": "max", "f1": "max"},
    )
    yield TaskSpec(
        name="text-classify",
        target="seqhub.tasks.text_classify:TextClassify",
        config=TextClassifyConfig,
        data=TextClassifyData,
        summary="Give a whole text one label: sentiment, topic, intent.",
        metrics={"accuracy": "max", "macro_f1": "max", "ece": "min"},
    )
