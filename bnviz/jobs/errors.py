"""Errors whose messages pages show to visitors."""

NOT_STARTED = (
    "The training processes could not be started ({}). Start the run again in a minute; if that does not help, whoever "
    "runs this app finds more in its log."
)


class JobsError(RuntimeError):
    """Training is not available; the message is a sentence that says what to do."""
