"""What a worker does to the thread that trains."""

import os
import sys
import threading

import pytest

from bnviz.jobs import worker


def own_priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
def test_the_thread_that_trains_steps_back_and_no_other():
    seen = []

    def train() -> None:
        for _ in range(2):  # from run to run it goes no further
            worker._give_way()
            seen.append(own_priority())
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)
        worker._give_way()  # as of an app that was started with nice: only the superuser may come forward
        seen.append(own_priority())

    before = own_priority()
    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert seen == [worker.NICE, worker.NICE, 15]
    assert own_priority() == before
