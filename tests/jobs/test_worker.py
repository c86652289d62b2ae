"""What a worker does to the thread that trains."""

import os
import sys
import threading

import pytest

from bnviz.jobs import worker


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
def test_the_thread_that_trains_steps_back_and_no_other():
    seen = []

    def train() -> None:
        for _ in range(2):  # from run to run it goes no further
            worker._give_way()
            seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert seen == [worker.NICE, worker.NICE]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before < worker.NICE
