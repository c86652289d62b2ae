"""Turns: one page at a time, and never for longer than a second's patience."""

import threading
import time

import pytest

from bnviz.ui import turns
from bnviz.ui.turns import in_turn


def test_pages_are_run_one_after_the_other():
    running, most, done = 0, 0, []

    def page(number: int) -> None:
        nonlocal running, most
        with in_turn():
            running += 1
            most = max(most, running)
            time.sleep(0.02)
            running -= 1
        done.append(number)

    threads = [threading.Thread(target=page, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert sorted(done) == [0, 1, 2, 3, 4]


def test_a_page_that_fails_lets_the_next_one_go():
    with pytest.raises(RuntimeError), in_turn():
        raise RuntimeError
    assert not turns._lock.locked()


def test_a_page_that_waits_for_something_else_does_not_hold_up_the_others_for_long(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 0.05)
    with in_turn(), in_turn():  # the second goes without a turn, and takes none away
        assert turns._lock.locked()
    assert not turns._lock.locked()
