"""Turns: one at a time, who has clicked first, and never for longer than a second's patience."""

import threading
import time
from contextlib import nullcontext

import pytest

from bnviz.ui import turns as module
from bnviz.ui.turns import Turns


@pytest.fixture
def turns() -> Turns:
    return Turns()


def waiting(turns: Turns, name: str, done: list[str], unhurried: bool) -> threading.Thread:
    """A thread that waits for its turn by now, and then notes its name."""

    def wait() -> None:
        with turns.unhurried() if unhurried else nullcontext(), turns.in_turn():
            done.append(name)

    before = len(turns._waiting)
    thread = threading.Thread(target=wait)
    thread.start()
    while len(turns._waiting) == before:
        time.sleep(0.001)
    return thread


def joined(threads: list[threading.Thread], done: list[str]) -> list[str]:
    for thread in threads:
        thread.join()
    return done


def test_one_has_the_turn_at_a_time(turns):
    running, most, done = 0, 0, []

    def page(number: int) -> None:
        nonlocal running, most
        with turns.in_turn():
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
    assert not turns._taken


def test_who_is_in_a_hurry_goes_first_and_of_equals_who_came_first(turns):
    done: list[str] = []
    with turns.in_turn():
        looks = [waiting(turns, name, done, unhurried=True) for name in ("look 1", "look 2")]
        clicks = [waiting(turns, name, done, unhurried=False) for name in ("click 1", "click 2")]
    assert joined(looks + clicks, done) == ["click 1", "click 2", "look 1", "look 2"]


def test_who_has_the_turn_lets_pass_who_is_in_a_hurry_and_nobody_else(turns):
    done: list[str] = []
    with turns.unhurried(), turns.in_turn():
        look = waiting(turns, "look", done, unhurried=True)
        click = waiting(turns, "click", done, unhurried=False)
        with turns.in_turn():
            done.append("the page goes on")
        assert turns._taken
    assert joined([click, look], done) == ["click", "the page goes on", "look"]


def test_a_click_lets_pass_nobody(turns):
    done: list[str] = []
    with turns.in_turn():
        other = waiting(turns, "another click", done, unhurried=False)
        with turns.in_turn():
            done.append("the click goes on")
    assert joined([other], done) == ["the click goes on", "another click"]


def test_hurry_is_back_after_what_was_without(turns):
    done: list[str] = []
    with turns.unhurried():
        pass
    with turns.in_turn():
        look = waiting(turns, "look", done, unhurried=True)

        def click() -> None:
            with turns.unhurried():
                pass
            with turns.in_turn():
                done.append("click")

        thread = threading.Thread(target=click)
        thread.start()
        while len(turns._waiting) < 2:
            time.sleep(0.001)
    assert joined([look, thread], done) == ["click", "look"]


def test_what_fails_hands_the_turn_on(turns):
    with pytest.raises(RuntimeError), turns.in_turn():
        raise RuntimeError
    assert not turns._taken


def test_what_waits_for_something_else_does_not_hold_up_the_others_for_long(turns, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    done: list[str] = []
    with turns.in_turn():
        other = waiting(turns, "goes on without a turn", done, unhurried=False)
        assert joined([other], done) == ["goes on without a turn"]
        assert turns._taken, "it has taken none away"
        assert not turns._waiting
    assert not turns._taken
