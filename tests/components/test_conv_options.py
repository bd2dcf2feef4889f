"""What does not fit is said before a model is built, with the option at fault; and built by hand, it is refused."""

from __future__ import annotations

import pytest

from seqhub.plugins import load_registry
from seqhub_conv.conv1d import Conv1d
from seqhub_conv.conv2d import Conv2d
from seqhub_conv.grid import GridConv
from seqhub_conv.log_mel import LogMel
from seqhub_conv.subsampling import Subsampling
from seqhub_conv.upsample import Upsample


@pytest.mark.parametrize(
    ("name", "options", "field", "fix"),
    [
        ("conv1d", {"channels": 4, "kernel": 3, "stride": 4}, "kernel", "4 or more"),
        ("conv1d", {"channels": 6, "kernel": 3, "groups": 3}, "groups", "use 1, 2, 4, 8"),
        ("conv1d", {"channels": 4, "kernel": 3, "look_ahead": 3}, "look_ahead", "look_ahead: 2 or less"),
        ("conv1d", {"channels": 4, "kernel": 3, "look_ahead": 1, "padding": "centred"}, "look_ahead", "causal"),
        ("depthwise-conv", {"kernel": 2, "look_ahead": 2}, "look_ahead", "1 or less"),
        ("conv2d", {"channels": 2, "positions": 3}, "positions", "use 1, 2, 4, 8"),
        ("conv2d", {"channels": 2, "kernel_across": 4}, "kernel_across", "3 or 5"),
        ("subsampling-2d", {"channels": 2, "positions": 5}, "positions", "use 1, 2, 4, 8"),
        ("grid-conv", {"channels": 2, "height": 3, "width": 2}, "height", "the input width"),
        ("grid-conv", {"channels": 2, "height": 2, "width": 2, "kernel": 2}, "kernel", "1 or 3"),
        ("separable-conv", {"channels": 1}, "norm", "batch or none"),
        ("text-cnn", {"channels": 2, "kernels": []}, "kernels", "one window width"),
        ("pool1d", {"stride": 4, "kernel": 2}, "kernel", "4 or more"),
        ("upsample", {"channels": 4}, "channels", "transposed"),
        ("upsample", {"factor": 3, "kind": "transposed", "kernel": 2}, "kernel", "3 or more"),
        ("log-mel", {"rate_hz": 8000, "high_hz": 5000.0}, "high_hz", "4000"),
        ("log-mel", {"rate_hz": 8000, "low_hz": 4000.0}, "low_hz", "smaller"),
        ("log-mel", {"rate_hz": 8000, "fft": 128}, "window_ms", "larger fft"),
        ("log-mel", {"rate_hz": 8000, "window_ms": 5.0}, "window_ms", "longer window_ms"),
        ("log-mel", {"rate_hz": 8000, "mels": 128}, "mels", "fewer mels"),
    ],
)
def test_each_option_at_fault_is_named_with_what_to_do(name, options, field, fix):
    spec = load_registry().resolve(f"seqhub-conv/{name}").spec
    found = spec.config(**options).problems(8)
    assert [problem[0] for problem in found] == [field]
    assert fix in found[0][2]


@pytest.mark.parametrize(
    "build",
    [
        lambda: Conv1d(8, channels=4, kernel=3, look_ahead=3),
        lambda: Conv1d(8, channels=4, kernel=3, padding="both"),
        lambda: Conv2d(8, channels=2, positions=3),
        lambda: Conv2d(8, channels=2, kernel_across=2),
        lambda: GridConv(8, channels=2, height=3, width=2),
        lambda: GridConv(8, channels=2, height=2, width=4, pool=3),
        lambda: Subsampling(8, channels=2, factor=6),
        lambda: Upsample(8, factor=2, channels=4),
        lambda: Upsample(8, factor=4, kind="transposed", kernel=3),
        lambda: LogMel(1, rate_hz=8000, fft=64),
        lambda: LogMel(1, rate_hz=8000, window_ms=0.01),
    ],
)
def test_a_layer_that_cannot_be_is_refused(build):
    with pytest.raises(ValueError, match=r"\d|both"):
        build()
