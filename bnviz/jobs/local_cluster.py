"""Scheduler and worker processes on this machine: `python -m bnviz.jobs.local_cluster`.

It prints one line, its address, and goes on until its standard input ends or it is sent SIGTERM. An app that holds the
other end of that pipe takes the cluster along when it ends, however it ends, also by kill -9. It is a module of its
own, because worker processes import the module that started them, and an app's script must not run again in them. It
listens on loopback only and does not know what its workers will be asked to do.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from bnviz.core import environment
from bnviz.jobs.errors import NOT_STARTED, JobsError

MAX_WORKERS = 8  # by default: a class shares one server, and an idle worker takes memory too
WORKER_BYTES = 800 * 2**20  # torch and a run; about 500 MiB for the default run
START_SECONDS = 30  # a cluster that has not printed its address by then never will
CLOSE_SECONDS = 2.0
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
SETTINGS = Path(__file__).with_name("dask.yaml")
PRELOADED = ["distributed", "bnviz.training", "bnviz.datasets.digits", "bnviz.jobs.shared_memory"]
"""What workers have imported from the start: 4 s of a core, done once, in the process that they are forked from.

Nothing is trained there, as threads do not survive a fork.
"""
QUIET = "ignore:resource_tracker:UserWarning"  # it would complain on the terminal if workers are busy at the end
PROJECT_FOLDER = Path(__file__).resolve().parents[2]

logger = logging.getLogger(__name__)


class EmbeddedCluster:
    """A cluster that belongs to this process: its `address`, its `process`, and `close`."""

    def __init__(self, address: str, process: "subprocess.Popen[str]") -> None:
        self.address = address
        self.process = process

    def close(self) -> None:
        """End the scheduler and the workers; safe to call again."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(CLOSE_SECONDS + 3)
        except subprocess.TimeoutExpired:
            self.process.kill()  # its workers notice and end, too
            self.process.wait()


def start_embedded() -> EmbeddedCluster:
    """Start a cluster in a process of its own, that ends with this one; returns as soon as its address is known.

    Raises:
        JobsError: it does not start.
    """
    path = os.pathsep.join(filter(None, (str(PROJECT_FOLDER), os.environ.get("PYTHONPATH"))))
    warnings = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), QUIET)))
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": warnings},
            # Ctrl-C is for the app; the cluster then ends with it, without tracebacks. A group of its own does for
            # that. To two sessions Linux may give half of the cores each, however far the workers step back.
            process_group=0,
        )
    except OSError as error:  # no right to execute it, or no room for another process
        logger.warning("the training processes cannot be started: %s", error)
        raise JobsError(NOT_STARTED.format(error.strerror or type(error).__name__)) from error
    assert process.stdout is not None
    deadline = threading.Timer(START_SECONDS, process.kill)
    deadline.start()
    with process.stdout:
        line = process.stdout.readline().strip()
    deadline.cancel()
    cluster = EmbeddedCluster(line, process)
    if "://" not in line:
        cluster.close()
        raise JobsError(line or NOT_STARTED.format("they ended at once"))
    return cluster


def worker_count() -> int:
    """How many workers to start: `BNVIZ_WORKERS`, or as many as there are cores and memory for.

    Raises:
        EnvironmentVariableError: BNVIZ_WORKERS is not a positive whole number.
    """
    given = environment.text("BNVIZ_WORKERS")
    if given:
        return int(given)
    from dask.system import CPU_COUNT  # both know of the limits of a container, too
    from distributed.system import MEMORY_LIMIT

    return max(1, min(int(CPU_COUNT), int(MEMORY_LIMIT) // WORKER_BYTES, MAX_WORKERS))


def main() -> None:
    """Start, print the address, wait for the end."""
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    threading.Thread(target=_wait_for_end_of_input, args=(end,), daemon=True).start()
    try:
        workers = worker_count()
    except environment.EnvironmentVariableError as error:
        print(error, flush=True)
        sys.exit(2)

    import dask
    from distributed import LocalCluster
    from distributed.system import MEMORY_LIMIT
    from distributed.utils import get_mp_context

    os.environ.update(ONE_THREAD)
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # to ask whether there is a GPU must not start CUDA before a fork
    [found] = dask.config.collect_yaml([str(SETTINGS)])
    dask.config.update(dask.config.config, found, priority="new")
    dask.config.set({"distributed.nanny.pre-spawn-environ": ONE_THREAD})
    if sys.platform == "linux":  # elsewhere, to fork after imports is not safe
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
        get_mp_context().set_forkserver_preload(PRELOADED)
    cluster = LocalCluster(
        n_workers=0,  # at first: a worker takes seconds to import torch, the address can be had at once
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,  # not even port 8787, which Dask would take for a status page:
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        memory_limit=MEMORY_LIMIT // workers,
        resources={"GPU": 1} if Path("/dev/nvidia0").exists() else None,
        silence_logs=logging.WARNING,
        preload="bnviz.jobs.worker",
    )
    print(cluster.scheduler_address, flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads the pipe any more; prints of workers go to the log
    cluster.scale(workers)
    end.wait()
    deadline = threading.Timer(CLOSE_SECONDS, os._exit, (0,))
    deadline.start()
    with suppress(Exception):
        cluster.close(timeout=CLOSE_SECONDS)
    os._exit(0)  # workers that are still there, busy or just starting, notice that this process is gone


def _wait_for_end_of_input(end: threading.Event) -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    end.set()


if __name__ == "__main__":
    main()
