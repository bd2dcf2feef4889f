"""Specs of the audio front end, and of the masks behind it. No torch here."""

from __future__ import annotations

from collections.abc import Iterator

from seqhub.api import BlockSpec, Config, EncoderSpec, Geometry, config, option
from seqhub_conv.frames import FrameSizes, Taper, frame_geometry, frame_sizes
from seqhub_conv.geometry import Padding
from seqhub_conv.mel import Scale, mel_filters
from seqhub_conv.options import FLAGS, PADDING_HELP, Problems


@config
class LogMelConfig(Config):
    rate_hz: int = option(16000, help="samples a second", unit="Hz", ge=1)
    window_ms: float = option(25.0, help="length of a frame", unit="ms", gt=0)
    hop_ms: float = option(10.0, help="time between two frames", unit="ms", gt=0)
    fft: int | None = option(
        None, help="size of the Fourier transform; null: the next power of two", unit="samples", ge=2
    )
    mels: int = option(80, help="filters; the output width for each input column", ge=1)
    low_hz: float = option(0.0, help="where the first filter begins", unit="Hz", ge=0)
    high_hz: float | None = option(None, help="where the last filter ends; null: half the rate", unit="Hz", gt=0)
    mel: Scale = option("htk", help="the scale of pitch; slaney also gives its filters equal areas")
    taper: Taper = option("hann", help="shape of the window")
    floor: float = option(1e-10, help="least power before the logarithm", gt=0)
    scale: bool = option(False, help="learn a gain and a bias for each filter")
    padding: Padding = option("causal", help=PADDING_HELP)

    def geometry(self, width: int) -> Geometry:
        return frame_geometry(width * self.mels, self._sizes(), self.taper, self.padding)

    def problems(self, width: int) -> Problems:
        top = self.rate_hz / 2 if self.high_hz is None else self.high_hz
        if top > self.rate_hz / 2:
            message = f"high_hz {top:g} is above half of rate_hz {self.rate_hz}"
            return [("high_hz", message, f"use high_hz: {self.rate_hz / 2:g} or less")]
        if self.low_hz >= top:
            return [("low_hz", f"low_hz {self.low_hz:g} is not below {top:g} Hz", "choose a smaller low_hz")]
        try:
            sizes = self._sizes()
        except ValueError as error:
            return [("window_ms", str(error), "choose a longer window and hop, or a larger fft")]
        if sizes.taps(self.taper) < sizes.hop:
            message = f"a window of {sizes.window} samples is too short for a hop of {sizes.hop}"
            return [("window_ms", message, "use a longer window_ms or a shorter hop_ms")]
        return self._empty_filters(sizes, top)

    def _empty_filters(self, sizes: FrameSizes, top: float) -> Problems:
        filters = mel_filters(
            rate_hz=self.rate_hz, fft=sizes.fft, mels=self.mels, low_hz=self.low_hz, high_hz=top, scale=self.mel
        )
        empty = sum(not any(weights) for weights in filters)
        if not empty:
            return []
        message = f"{empty} of {self.mels} filters lie between the frequencies of an fft of {sizes.fft}"
        return [("mels", message, "use fewer mels, or a larger fft")]

    def _sizes(self) -> FrameSizes:
        return frame_sizes(self.rate_hz, self.window_ms, self.hop_ms, self.fft)


@config
class SpecAugmentConfig(Config):
    time_masks: int = option(2, help="spans of time that are zeroed in each row", ge=0)
    steps: int = option(10, help="longest span of time", ge=1, unit="steps")
    share: float = option(0.2, help="longest span of time, as a share of the row", gt=0, le=1)
    feature_masks: int = option(2, help="spans of neighbouring features that are zeroed in each row", ge=0)
    features: int = option(5, help="widest span of features", ge=1)

    def problems(self, width: int) -> Problems:
        if not self.feature_masks or self.features < width:
            return []
        message = f"a span of {self.features} features would hide all {width}"
        return [("features", message, "use fewer features, or feature_masks: 0")]


def specs() -> Iterator[EncoderSpec]:
    small = {"rate_hz": 1000, "window_ms": 8.0, "hop_ms": 4.0, "mels": 3}
    yield EncoderSpec(
        name="log-mel",
        target="seqhub_conv.log_mel:LogMel",
        config=LogMelConfig,
        summary="Waveform to log-mel spectrogram, one frame every hop.",
        reference="doi:10.1109/TASSP.1980.1163420",
        examples=(
            small,
            {**small, "taper": "hamming", "window_ms": 5.0, "hop_ms": 5.0, "fft": 8, "mel": "slaney"},
            {**small, "padding": "centred", "scale": True, "low_hz": 20.0, "high_hz": 400.0, "mels": 2},
        ),
        flags={**FLAGS, "bfloat16": False},  # a power spectrum needs more than 8 bits
    )


def blocks() -> Iterator[BlockSpec]:
    yield BlockSpec(
        name="spec-augment",
        target="seqhub_conv.masks:SpecAugment",
        config=SpecAugmentConfig,
        summary="Spans of time and of features zeroed while training; nothing in evaluation. Behind a norm.",
        reference="arXiv:1904.08779",
        examples=(
            {"features": 2},
            {"time_masks": 0, "feature_masks": 1, "features": 1},
            {"time_masks": 3, "steps": 4, "share": 1.0, "feature_masks": 0},
        ),
        flags=FLAGS,
    )
