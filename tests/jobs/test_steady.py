"""Clocks that are set back by a day: Dask's own streams and timers, on real connections, with our clock and without."""

import json
import subprocess
import sys

from bnviz.jobs.local_cluster import PROJECT_FOLDER
from bnviz.jobs.service import Service

PROGRAM = """
import time
true, shift = time.time, 0.0
time.time = lambda: true() + shift  # before anything else asks for the time of day

import asyncio, importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from distributed.batched import BatchedSend
from distributed.comm import connect, listen
from tornado.ioloop import PeriodicCallback

async def main():
    global shift
    got, ticks = [], []
    async def handle(comm):
        while True:
            got.extend(await comm.read())
    listener = await listen("inproc://", handle)
    stream = BatchedSend(interval="500ms")
    stream.start(await connect(listener.contact_address))
    timer = PeriodicCallback(lambda: ticks.append(time.monotonic()), 50)
    timer.start()
    stream.send("before")
    while not (got and ticks):
        await asyncio.sleep(0.001)
    shift = -86_400.0  # within half a second of what was sent
    jumped = time.monotonic()
    stream.send("after")
    while time.monotonic() < jumped + float(SECONDS) and not (len(got) > 1 and ticks[-1] > jumped + 0.2):
        await asyncio.sleep(0.01)
    print(json.dumps([got, ticks[-1] > jumped + 0.2]))

asyncio.run(main())
"""

WHOSE_CLOCK = (
    "[__import__('tornado.ioloop').ioloop.IOLoop.time.__module__, "
    "__import__('distributed.batched').batched.time.__module__]"
)


def _after_the_clock_was_set_back(*imported: str, seconds: float) -> tuple[list[str], bool]:
    """What came through a stream, and whether a timer goes on."""
    command = [sys.executable, "-c", PROGRAM.replace("SECONDS", str(seconds)), *imported]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT_FOLDER, timeout=120)
    got, goes_on = json.loads(done.stdout)
    return got, goes_on


def test_streams_and_timers_go_on_when_the_clock_is_set_back() -> None:
    assert _after_the_clock_was_set_back("bnviz.jobs.steady", seconds=30) == (["before", "after"], True)


def test_dask_by_itself_still_waits_for_the_day_to_come_again() -> None:
    """The day this fails, `bnviz.jobs.steady` can go."""
    assert _after_the_clock_was_set_back(seconds=2) == (["before"], False)


def test_all_processes_of_an_app_count_by_the_steady_clock(service: Service) -> None:
    client = service.dispatcher._connection._client
    told = [
        eval(WHOSE_CLOCK),
        client.run_on_scheduler(eval, WHOSE_CLOCK),
        *client.run(eval, WHOSE_CLOCK).values(),
        *client.run(eval, WHOSE_CLOCK, nanny=True).values(),
    ]
    assert told == [["bnviz.jobs.steady"] * 2] * 6
