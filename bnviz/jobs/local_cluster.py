"""Scheduler and workers on this machine, in processes of their own: `python -m bnviz.jobs.local_cluster`.

The process prints its address and runs until its standard input ends or it receives SIGTERM. The app holds the other
end of that pipe, so the cluster ends with the app, even after kill -9. Worker processes import the module that started
them, which is therefore this one and not the app's script. All ports are on the loopback interface.
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

MAX_WORKERS = 8  # by default; idle workers use memory, too
WORKER_BYTES = 800 * 2**20  # torch and a run; the default run needs about 500 MiB
START_SECONDS = 30  # until the address is printed
CLOSE_SECONDS = 2.0
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
SETTINGS = Path(__file__).with_name("dask.yaml")
PRELOADED = ["distributed", "bnviz.training", "bnviz.datasets.digits", "bnviz.jobs.shared_memory"]
"""Modules that the process imports from which workers are forked: 4 s of a core, once.

Nothing is trained in that process, because threads do not survive a fork.
"""
QUIET = "ignore:resource_tracker:UserWarning"  # printed if workers are busy at the end
PROJECT_FOLDER = Path(__file__).resolve().parents[2]

logger = logging.getLogger(__name__)


class EmbeddedCluster:
    """A cluster that ends with this process: its `address` and its `process`."""

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
            self.process.kill()  # its workers notice that and end
            self.process.wait()


def start_embedded() -> EmbeddedCluster:
    """Start a cluster that ends with this process; returns as soon as its address is known.

    Raises:
        JobsError: the cluster does not start.
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
            # A process group of its own keeps Ctrl-C from the cluster, which then ends with the app, without
            # tracebacks. It stays in the app's session: Linux may divide cores between sessions despite priorities.
            process_group=0,
        )
    except OSError as error:  # no permission, or no memory
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
    """Number of workers: `BNVIZ_WORKERS`, or as many as cores and memory allow.

    Raises:
        EnvironmentVariableError: BNVIZ_WORKERS is not a positive whole number.
    """
    count = environment.text("BNVIZ_WORKERS")
    if count:
        return int(count)
    from dask.system import CPU_COUNT  # both include the limits of a container
    from distributed.system import MEMORY_LIMIT

    return max(1, min(int(CPU_COUNT), int(MEMORY_LIMIT) // WORKER_BYTES, MAX_WORKERS))


def main() -> None:
    """Start the cluster, print its address, and wait for the end."""
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
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # a look for GPUs must not start CUDA before a fork
    [settings] = dask.config.collect_yaml([str(SETTINGS)])
    dask.config.update(dask.config.config, settings, priority="new")
    dask.config.set({"distributed.nanny.pre-spawn-environ": ONE_THREAD})
    if sys.platform == "linux":  # elsewhere, forking after imports is not safe
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
        get_mp_context().set_forkserver_preload(PRELOADED)
    cluster = LocalCluster(
        n_workers=0,  # added below: the address is printed before workers have imported torch
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,  # and no port 8787 either, which Dask would open for a status page:
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        memory_limit=MEMORY_LIMIT // workers,
        resources={"GPU": 1} if Path("/dev/nvidia0").exists() else None,
        silence_logs=logging.WARNING,
        preload="bnviz.jobs.worker",
    )
    print(cluster.scheduler_address, flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the app reads one line; later output goes to the log
    cluster.scale(workers)
    end.wait()
    deadline = threading.Timer(CLOSE_SECONDS, os._exit, (0,))
    deadline.start()
    with suppress(Exception):
        cluster.close(timeout=CLOSE_SECONDS)
    os._exit(0)  # workers that are left notice that this process has ended


def _wait_for_end_of_input(end: threading.Event) -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    end.set()


if __name__ == "__main__":
    main()
