"""What stepping back does to the thread that trains, and to no other."""

import os
import sys
import threading

import pytest

from bnviz.jobs import thread_priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")


def own_niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def own_policy() -> int:
    return os.sched_getscheduler(threading.get_native_id())


def in_a_thread(do) -> list:
    seen: list = []
    thread = threading.Thread(target=lambda: seen.extend(do()))
    thread.start()
    thread.join()
    return seen


def test_lower_priority_affects_only_its_thread():
    def twice():
        for _ in range(2):  # from run to run it goes no further
            thread_priority.lower_priority()
            yield own_niceness(), own_policy()

    before = own_niceness(), own_policy()
    assert in_a_thread(twice) == [(thread_priority.NICE, os.SCHED_IDLE)] * 2
    assert (own_niceness(), own_policy()) == before


def test_lower_priority_keeps_higher_niceness():
    def nicer():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)
        thread_priority.lower_priority()  # only the superuser may come forward
        yield own_niceness()

    assert in_a_thread(nicer) == [15]


def test_lower_priority_falls_back_to_niceness(monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(22, "Invalid argument")

    def steps_back():
        thread_priority.lower_priority()
        yield own_niceness(), own_policy()

    policy = own_policy()
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert in_a_thread(steps_back) == [(thread_priority.NICE, policy)]
