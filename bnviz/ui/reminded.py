"""Reminded: records that a page can hand out later, without each of three hundred sessions keeping its own till then.

Knows where results are kept; not what is made of them.
"""

import weakref
from collections.abc import Callable, Mapping

from bnviz.core.record import Record
from bnviz.ui.visitor import service

Recall = Callable[[], Record]


def reminders(records: Mapping[str, Record]) -> dict[str, Recall]:
    """By arm: what gives the record back, from memory or from where results are kept.

    Of a run that was stopped it holds the record itself, which is kept nowhere else.
    """
    return {name: _reminder(record) for name, record in records.items()}


def _reminder(record: Record) -> Recall:
    if record.outcome not in ("finished", "diverged"):
        return lambda: record
    config, remembered = record.config, weakref.ref(record)

    def recall() -> Record:
        found = remembered() or service().recall(config)
        if found is None:
            raise LookupError(f"the result of run {config.key} is not kept any more; open its link to train it again")
        return found

    return recall
