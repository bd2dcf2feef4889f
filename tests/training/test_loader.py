"""Every item once an epoch, in an order that seed and epoch decide, from any batch on."""

from __future__ import annotations

from seqhub.training.loader import EpochLoader


def loader(**options: object) -> EpochLoader:
    return EpochLoader(list(range(23)), list, 5, **options)  # type: ignore[arg-type]


def test_every_item_once_and_the_last_batch_is_smaller() -> None:
    batches = list(loader(seed=1, shuffle=True))
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
    assert sorted(item for batch in batches for item in batch) == list(range(23))
    assert len(loader()) == 5


def test_order_depends_on_seed_and_epoch_alone() -> None:
    one, two, other = loader(seed=1, shuffle=True), loader(seed=1, shuffle=True), loader(seed=2, shuffle=True)
    epochs = []
    for epoch in range(3):
        for each in (one, two, other):
            each.batch_sampler.sampler.set_epoch(epoch)
        assert list(one) == list(two) != list(other)
        epochs.append(list(one))
    assert epochs[0] != epochs[1] != epochs[2]
    two.batch_sampler.sampler.set_epoch(1)
    assert list(two) == epochs[1]


def test_seeds_and_epochs_do_not_meet() -> None:
    """Epoch 1 of seed 0 is not epoch 0 of seed 1."""
    one, two = loader(seed=0, shuffle=True), loader(seed=1, shuffle=True)
    one.batch_sampler.sampler.set_epoch(1)
    assert list(one) != list(two)


def test_goes_on_from_any_batch() -> None:
    whole = list(loader(seed=3, shuffle=True))
    for given in range(1, 5):
        first, second = loader(seed=3, shuffle=True), loader(seed=3, shuffle=True)
        batches = iter(first)
        taken = [next(batches) for _ in range(given)]
        second.load_state_dict(first.state_dict())
        assert taken + list(second) == whole
        assert list(second) == whole  # the next epoch starts at its beginning


def test_unshuffled_and_limited() -> None:
    assert list(loader(limit=2)) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert len(loader(limit=2)) == 2
    assert len(loader(limit=9)) == 5
