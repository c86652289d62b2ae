"""Low priority for training threads, so that an app on the same cores serves its visitors first."""

import os
import sys
import threading
from contextlib import suppress

NICE = 10
"""Niceness from 0, the default, to 19; it counts where there is no SCHED_IDLE. Training then gets a tenth of a core
that the app needs, and all of a core that nobody needs."""


def lower_priority() -> None:
    """Run the calling thread only when no other thread wants its core; this cannot be undone.

    On Linux, priorities belong to threads, so a worker's other threads still receive a stop at once. With SCHED_IDLE
    the thread yields immediately (decision 0024); with a niceness alone, other threads wait until its time slice ends.
    On other systems nothing is changed.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # Only the superuser may lower a niceness, so a higher one stays.
        os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))
        with suppress(OSError):  # a sandbox may not allow it, or not know it
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
