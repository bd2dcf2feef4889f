"""Signals: the first asks, the second insists, and everything is put back."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from seqhub.training.stopping import Interrupted, StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_patient_then_at_once(number: signal.Signals) -> None:
    said: list[str] = []
    stop = StopRequest(said.append)
    with stop.listening(), stop.patiently():
        os.kill(os.getpid(), number)
        assert stop.requested
        assert said == ["stopping after this batch; press Ctrl-C again to stop at once"]
        with pytest.raises(Interrupted, match=number.name):
            os.kill(os.getpid(), number)


def test_outside_of_training_at_once() -> None:
    stop = StopRequest(print)
    with stop.listening(), pytest.raises(Interrupted):
        os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Interrupted):
        stop.check()


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopRequest(print).listening():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_ignored_interrupt_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest(print).listening():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_listen_in_vain() -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with StopRequest(print).listening():
                pass
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failures
