"""The app's processes by what they are for, and the memory that they take. Linux only."""

from contextlib import suppress
from pathlib import Path

import psutil

FILES = "program files"


def family(app: int) -> list[tuple[psutil.Process, str]]:
    """The app's process and all below it, each with its role: app, scheduler, worker, fork server or other.

    A worker has the command line of the fork server, whose child it is.
    """
    found = [(psutil.Process(app), "app")]
    for process in found[0][0].children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            command, parent = " ".join(process.cmdline()), process.parent()
            if "bnviz.jobs.local_cluster" in command:
                role = "scheduler"
            elif "forkserver import" in command:
                forked = parent is not None and "forkserver import" in " ".join(parent.cmdline())
                role = "worker" if forked else "fork server"
            else:
                role = "other"
            found.append((process, role))
    return found


def own_memory(app: int) -> dict[str, float]:
    """MB (10^6 bytes) by role that belong to no file; pages that processes share are divided between them."""
    found: dict[str, float] = {}
    for process, role in family(app):
        with suppress(psutil.Error, OSError):
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            (kilobytes,) = (line.split()[1] for line in lines if line.startswith("Pss_Anon:"))
            found[role] = found.get(role, 0.0) + int(kilobytes) * 1024 / 1e6
    return found


def file_memory(app: int) -> float:
    """MB of the files that the processes have mapped: of each file, those of the process that has most of it."""
    largest: dict[str, int] = {}
    for process, _ in family(app):
        with suppress(psutil.Error, OSError):
            for file in process.memory_maps():
                largest[file.path] = max(largest.get(file.path, 0), file.rss - file.anonymous)
    return sum(largest.values()) / 1e6


def processor_seconds(app: int) -> float:
    """Seconds of a core that the app's processes that still run have used."""
    return float(sum(sum(process.cpu_times()[:2]) for process, _ in family(app)))
