"""Log-mel against torch.stft in float64 and filters drawn frequency by frequency."""

from __future__ import annotations

import math

import pytest
import torch

from seqhub.nn import Context
from seqhub_conv.log_mel import LogMel
from seqhub_conv.mel import from_mel, mel_filters, to_mel


def hz_of_mel(m: float, scale: str) -> float:
    """The inverse by bisection of the definitions: 2595 log10(1 + f/700); 3 mels for each 200 Hz up to 1000 Hz, then
    27 for each factor 6.4.
    """

    def mel(f: float) -> float:
        if scale == "htk":
            return 2595 * math.log1p(f / 700) / math.log(10)
        return 3 * f / 200 if f <= 1000 else 15 + 27 * math.log(f / 1000, 6.4)

    low, high = 0.0, 100_000.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if mel(middle) < m else (low, middle)
    return low


def filterbank(rate: int, fft: int, mels: int, low: float, high: float, scale: str) -> torch.Tensor:
    """[mels, fft // 2 + 1] by interpolation between the corners of each triangle."""
    a, b = to_mel(low, scale), to_mel(high, scale)
    corners = [hz_of_mel(float(m), scale) for m in torch.linspace(a, b, mels + 2, dtype=torch.float64)]
    bank = torch.zeros(mels, fft // 2 + 1, dtype=torch.float64)
    for i in range(mels):
        left, peak, right = corners[i : i + 3]
        for k in range(fft // 2 + 1):
            f = k * rate / fft
            if left < f <= peak:
                bank[i, k] = (f - left) / (peak - left)
            elif peak < f < right:
                bank[i, k] = (right - f) / (right - peak)
        if scale == "slaney":
            bank[i] *= 2 / (right - left)
    return bank


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_the_scales_are_each_others_inverse_and_known_at_known_places(scale):
    for hz in (0.0, 20.0, 440.0, 999.0, 1000.0, 4321.0):
        assert from_mel(to_mel(hz, scale), scale) == pytest.approx(hz, abs=1e-9)
    known = {"htk": 1000.0, "slaney": 15.0}  # 1000 Hz
    assert to_mel(1000, scale) == pytest.approx(known[scale], abs=0.02)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_filters_are_the_triangles(scale):
    got = mel_filters(rate_hz=8000, fft=256, mels=20, low_hz=60, high_hz=3800, scale=scale)
    want = filterbank(8000, 256, 20, 60, 3800, scale)
    torch.testing.assert_close(torch.tensor(got, dtype=torch.float64), want, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("taper", ["hann", "hamming"])
@pytest.mark.parametrize("padding", ["causal", "centred"])
def test_frames_are_those_of_the_short_time_fourier_transform(taper, padding):
    layer = LogMel(2, rate_hz=8000, mels=20, mel="slaney", taper=taper, padding=padding).eval()  # 200 every 80, fft 256
    x = torch.randn(2, 1000, 2, dtype=torch.float64)
    lengths = torch.tensor([1000, 725])
    y, out_lengths, _ = layer(x.float(), lengths, layer.initial_state(2))
    assert out_lengths.tolist() == [12, 9]
    assert y.shape[2] == 40
    bank = filterbank(8000, 256, 20, 0, 4000, "slaney")
    window = (torch.hann_window if taper == "hann" else torch.hamming_window)(200, dtype=torch.float64)
    window = torch.nn.functional.pad(window, (0, 56))  # the transform is 256 long
    taps = 199 if taper == "hann" else 200
    ahead = (taps - 80) // 2 if padding == "centred" else 0
    for row, n in ((0, 1000), (1, 725)):
        for channel in range(2):
            wave = torch.cat((torch.zeros(120 - ahead), x[row, :n, channel], torch.zeros(256)))
            spectrum = torch.stft(wave, 256, 80, window=window, center=False, return_complex=True)
            mel = (bank @ spectrum.abs().square()).clamp(min=1e-10).log().mT
            got = y[row, : n // 80, channel * 20 : (channel + 1) * 20]
            torch.testing.assert_close(got.double(), mel[: n // 80], atol=2e-4, rtol=1e-4)


def test_a_sine_shows_in_its_own_filter_and_silence_at_the_floor():
    layer = LogMel(1, rate_hz=8000, mels=24, floor=1e-6).eval()
    t = torch.arange(1600) / 8000
    for hz in (300.0, 1000.0, 2500.0):
        y, _, _ = layer(torch.sin(2 * math.pi * hz * t)[None, :, None], torch.tensor([1600]), layer.initial_state(1))
        peaks = [from_mel(to_mel(4000, "htk") * (i + 1) / 25, "htk") for i in range(24)]
        assert int(y[0, 10].argmax()) == min(range(24), key=lambda i: abs(peaks[i] - hz))
    y, _, _ = layer(torch.zeros(1, 400, 1), torch.tensor([400]), layer.initial_state(1))
    torch.testing.assert_close(y, torch.full_like(y, math.log(1e-6)))


def test_samples_may_come_in_any_pieces():
    layer = LogMel(1, rate_hz=8000, mels=12).eval()
    x = torch.randn(1, 500, 1)
    y, out_lengths, _ = layer(x, torch.tensor([500]), layer.initial_state(1))
    for size in (33, 80, 160):
        state, parts = layer.initial_state(1), []
        for at in range(0, 500, size):
            piece = x[:, at : at + size]
            ctx = Context(end=torch.tensor([at + size >= 500]))
            part, counts, state = layer(piece, torch.tensor([piece.shape[1]]), state, None, ctx)
            parts.append(part[0, : int(counts[0])])
        torch.testing.assert_close(torch.cat(parts), y[0, : int(out_lengths[0])], atol=1e-4, rtol=1e-4)


def test_a_learnt_scale_starts_as_none_and_reaches_every_channel():
    plain, scaled = LogMel(2, rate_hz=8000, mels=5), LogMel(2, rate_hz=8000, mels=5, scale=True)
    x, lengths = torch.randn(1, 240, 2), torch.tensor([240])
    y = plain(x, lengths, plain.initial_state(1))[0]
    torch.testing.assert_close(scaled(x, lengths, scaled.initial_state(1))[0], y)
    with torch.no_grad():
        scaled.gain.copy_(torch.arange(5.0))
        scaled.bias.fill_(2.0)
    want = y * torch.arange(5.0).repeat(2) + 2
    torch.testing.assert_close(scaled(x, lengths, scaled.initial_state(1))[0], want)
