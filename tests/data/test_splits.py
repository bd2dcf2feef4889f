"""Splits, windows, gaps, scalers: nothing leaks, nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqhub.data.batch import Item, collate
from seqhub.data.gaps import fill_gaps
from seqhub.data.scaler import fit_scaler
from seqhub.data.sequences import cut_at_random
from seqhub.data.splits import Span, chronological, stratified
from seqhub.data.windows import WindowDataset, window_ends


def windows(span: Span, lookback: int, horizon: int, stride: int = 1, every_step: bool = False) -> WindowDataset:
    """Over a series whose value is its row number, so that every number says where it comes from."""
    rows = torch.arange(60.0)
    series = torch.stack([rows, rows + 0.25, rows + 0.5], dim=1)
    ends = window_ends(span, lookback, horizon, stride)
    return WindowDataset(series, ends, lookback=lookback, horizon=horizon, targets=2, every_step=every_step)


@pytest.mark.parametrize(("lookback", "horizon"), [(2, 1), (7, 3), (20, 5)])
def test_no_target_is_scored_in_two_splits_and_train_sees_nothing_later(lookback, horizon):
    spans = chronological(60, 0.2, 0.25)
    scored: dict[str, set[int]] = {}
    for name, span in spans.items():
        items = [windows(span, lookback, horizon)[i] for i in range(len(windows(span, lookback, horizon)))]
        scored[name] = {int(row) for item in items for row in item.target[:, 0]}
        for item in items:
            assert item.x[-1, 0] + 1 == item.target[0, 0]  # the future starts right behind the past
            np.testing.assert_array_equal(item.x[:, 0], np.arange(lookback) + int(item.x[0, 0]))
    assert not scored["train"] & scored["valid"]
    assert not scored["valid"] & scored["test"]
    assert scored["test"] == set(range(45, 60))  # every row of the split is scored
    assert scored["valid"] == set(range(33, 45))
    assert scored["train"] == set(range(lookback, 33))


def test_later_splits_look_back_over_the_border():
    first = windows(Span(45, 60), 7, 3)[0]
    assert first.x[:, 0].tolist() == [38, 39, 40, 41, 42, 43, 44]
    assert first.target[:, 0].tolist() == [45, 46, 47]


def test_windows_are_views():
    data = windows(Span(0, 60), 10, 5)
    item = data[7]
    assert item.x.data_ptr() == data.series[7:].data_ptr()
    assert item.target.untyped_storage().data_ptr() == data.series.untyped_storage().data_ptr()
    data = windows(Span(0, 60), 10, 5, every_step=True)
    assert data[7].target.untyped_storage().data_ptr() == data.series.untyped_storage().data_ptr()


def test_a_target_for_every_step_stays_within_the_split():
    data = windows(Span(0, 33), 6, 3, every_step=True)
    for i in range(len(data)):
        item = data[i]
        assert item.target.shape == (6, 3, 2)
        for step in range(6):
            now = item.x[step]
            np.testing.assert_array_equal(item.target[step], [[now[0] + h, now[1] + h] for h in (1, 2, 3)])
        assert item.target.max() < 33
    assert data[len(data) - 1].target[-1, -1, 0] == 32


@pytest.mark.parametrize("stride", [1, 2, 3, 7, 50])
def test_strides_keep_the_latest_window(stride):
    every = window_ends(Span(0, 40), 8, 4)
    some = window_ends(Span(0, 40), 8, 4, stride)
    assert every == range(7, 36)
    assert some[-1] == every[-1] == 35
    assert set(some) <= set(every)
    assert len(some) == -(-len(every) // stride)


def test_no_window_fits():
    assert len(window_ends(Span(0, 9), 8, 2)) == 0
    assert len(window_ends(Span(0, 10), 8, 2)) == 1
    assert len(window_ends(Span(50, 51), 8, 2)) == 0


def test_shares_of_rows():
    spans = chronological(2284, 0.1, 0.2)
    assert spans == {"train": Span(0, 1599), "valid": Span(1599, 1827), "test": Span(1827, 2284)}


def test_stratified_splits_keep_the_shares_of_every_label_and_are_a_function_of_the_seed():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    splits = stratified(labels, 0.1, 0.2, seed=3)
    assert sorted(np.concatenate(list(splits.values())).tolist()) == list(range(160))
    assert np.bincount(labels[splits["test"]]).tolist() == [20, 10, 2]
    assert np.bincount(labels[splits["valid"]]).tolist() == [10, 5, 1]
    again, other = stratified(labels, 0.1, 0.2, seed=3), stratified(labels, 0.1, 0.2, seed=4)
    assert all((splits[name] == again[name]).all() for name in splits)
    assert (splits["test"] != other["test"]).any()


def test_rare_labels_are_in_every_split_from_three_items_on():
    splits = stratified(np.repeat([0, 1, 2], [100, 3, 2]), 0.1, 0.2, seed=0)
    labels = np.repeat([0, 1, 2], [100, 3, 2])
    for name in splits:
        assert 1 in labels[splits[name]]
    assert (labels[splits["train"]] == 2).sum() == 2


def test_cuts_are_deterministic_per_item_and_at_least_the_least():
    items = [np.arange(16.0).reshape(8, 2) for _ in range(400)]
    cut = cut_at_random(items, 4, seed=9)
    lengths = [len(item) for item in cut]
    assert set(lengths) == {4, 5, 6, 7, 8}
    assert all(80 * 0.6 < lengths.count(n) < 80 * 1.4 for n in range(4, 9))
    assert [len(item) for item in cut_at_random(items[:7], 4, seed=9)] == lengths[:7]
    assert [len(item) for item in cut_at_random(items, 4, seed=10)] != lengths
    assert all((item == items[0][: len(item)]).all() for item in cut)
    assert cut[0].base is not None  # a view
    assert [len(item) for item in cut_at_random([np.zeros((3, 2))], 4, seed=0)] == [3]


def test_gaps():
    nan = np.nan
    values = np.array([nan, 1.0, nan, nan, 4.0, nan])
    filled, which = fill_gaps(values, "interpolate")
    np.testing.assert_array_equal(filled, [nan, 1, 2, 3, 4, nan])
    assert which.tolist() == [False, False, True, True, False, False]
    filled, which = fill_gaps(values, "previous")
    np.testing.assert_array_equal(filled, [nan, 1, 1, 1, 4, 4])
    assert which.tolist() == [False, False, True, True, False, True]


def test_scaler_equals_sklearn_and_leaves_constants_alone():
    from sklearn.preprocessing import StandardScaler

    values = np.random.default_rng(0).normal(300, 20, size=(50, 3))
    values[:, 1] = 7.0
    scaler, oracle = fit_scaler(values), StandardScaler().fit(values)
    np.testing.assert_allclose(scaler.shift, oracle.mean_)
    np.testing.assert_allclose(scaler.scale, oracle.scale_)
    assert scaler.constant == (False, True, False)


def test_collate_pads_with_zeros_and_keeps_lengths():
    items = [Item(torch.full((n, 2), float(n)), torch.tensor(n), torch.tensor(i)) for i, n in enumerate((3, 1, 4))]
    batch = collate(items)
    assert batch.x.shape == (3, 4, 2)
    assert (batch.lengths.tolist(), batch.lengths.dtype) == ([3, 1, 4], torch.int64)
    assert (batch.target.tolist(), batch.index.tolist()) == ([3, 1, 4], [0, 1, 2])
    assert batch.x.sum() == 2 * (9 + 1 + 16)
    assert not batch.x[1, 1:].any()
