"""Errors that a page shows as a sentence."""

NOT_STARTED = (
    "The training processes could not be started ({}). Start the run again in a minute; if that does not help, whoever "
    "runs this app finds more in its log."
)


class JobsError(RuntimeError):
    """Training cannot be had here; the message is a sentence that says what to do about it."""
