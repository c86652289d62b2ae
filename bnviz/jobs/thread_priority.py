"""Priority: training takes what a machine has to spare, so that an app on the same cores answers its visitors first.

Knows threads and Linux; does not know what is trained.
"""

import os
import sys
import threading
from contextlib import suppress

NICE = 10
"""From 0, as others are, to 19; counts where there is no SCHED_IDLE. It leaves training a tenth of a core that an app
wants for itself, and all of one that nobody wants."""


def lower_priority() -> None:
    """Have the thread that calls this run when no other wants its core; it cannot come forward again.

    Linux gives every thread a priority of its own, so only the one that trains steps back: its worker still hears when
    it is told to stop. With SCHED_IDLE it makes way at once, as if it were not there (decision 0024); with a niceness
    alone, what has woken up waits until it has used up its time. Elsewhere nothing is changed.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # What was started with more niceness keeps it: to come forward is for the superuser alone.
        os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))
        with suppress(OSError):  # a sandbox may not allow it, or not know it
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
