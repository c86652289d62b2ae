"""Captions on what was learned: test scores, divergence, and what the scores depend on."""

from collections.abc import Mapping, Sequence

import numpy as np

from bnviz.analysis.captions.shared import capitalised, join_words, untrained
from bnviz.analysis.quantities import final_score, score_quantity
from bnviz.analysis.series import Repeats, finite
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.number_format import percent, two_digits, updates_in_words
from bnviz.core.record import Record

STALE = 0.05
"""Running statistics with a larger share of their initial values are called stale."""


def scores(records: Mapping[str, Record], repeats: Repeats | None = None) -> str:
    """Each arm's latest test score, the arms that diverged, and the samples and statistics behind the scores.

    The score is the accuracy, or the loss for regression. It covers all test samples once a run has finished. For
    several seeds it is the mean, with the smallest and the largest.
    """
    begun = {arm: record for arm, record in records.items() if record.data.sizes.get("step")}
    seeds = {arm: (repeats or {}).get(arm) or (record,) for arm, record in begun.items()}
    scored = {arm: record for arm, record in begun.items() if record.outcome != "diverged" or len(seeds[arm]) > 1}
    sentences = [_scores({arm: seeds[arm] for arm in scored})] if scored else []
    sentences += [_divergence(arm, record) for arm, record in begun.items() if arm not in scored]
    sentences += [untrained(records), _sample_counts(begun), stale_statistics(scored)]
    return " ".join(sentence for sentence in sentences if sentence)


def _scores(seeds: Repeats) -> str:
    classes = all(score_quantity(runs[0]) == "test_accuracy" for runs in seeds.values())
    updates = {arm: max(int(record.values("step")[-1]) for record in runs) for arm, runs in seeds.items()}
    same = len(set(updates.values())) == 1
    title = "Test accuracy" if classes else "Test loss"
    title += f" after {updates_in_words(next(iter(updates.values())))}" if same else ""
    parts = [
        f"{arm} {_score(seeds[arm], classes)}" + ("" if same else f" after {updates_in_words(count)}")
        for arm, count in updates.items()
    ]
    return f"{title}: {', '.join(parts)}."


def _score(seeds: Sequence[Record], classes: bool) -> str:
    """The score of one seed; of several the mean, the range and how many diverged."""
    quantity, write = ("test_accuracy", percent) if classes else ("test_loss", two_digits)
    values = finite(np.array([final_score(record, quantity) for record in seeds]))
    if not values.size:
        return "not a finite number"
    if len(seeds) == 1:
        return write(float(values[0]))
    diverged = sum(record.outcome == "diverged" for record in seeds)
    limits = f"{write(float(values.min()))} to {write(float(values.max()))}"
    suffix = f", {diverged} diverged" if diverged else ""
    return f"{write(float(values.mean()))} (mean of {len(seeds)} seeds, {limits}{suffix})"


def _divergence(arm: str, record: Record) -> str:
    return f"{capitalised(arm)} diverged by update {record.last_step}: its loss is no longer finite."


def _sample_counts(records: Mapping[str, Record]) -> str:
    """The number of test samples behind curves and scores; empty if it is all of them."""
    partial = [record for record in records.values() if record.config.test_samples < samples_in_test_set(record.config)]
    if not partial:
        return ""
    count, total = partial[0].config.test_samples, samples_in_test_set(partial[0].config)
    first = "sample" if count == 1 else f"{count} samples"
    if all(record.outcome == "finished" for record in partial):
        return f"Scores use all {total} test samples, curves only the first {first}."
    return f"Curves use only the first {first} of {total}; a finished run is scored on all test samples."


def samples_in_test_set(config: RunConfig) -> int:
    """Return the number of test samples of the run's data set; 0 if its file does not say."""
    count: int = registry.describe("datasets", config.dataset).constants.get("TEST_SAMPLES", 0)
    return count


def stale_statistics(records: Mapping[str, Record]) -> str:
    """Warn that test samples are normalised with running statistics that have hardly been updated.

    After t updates, a share (1 - norm_momentum)^t of them is still the initial mean 0 and variance 1.
    """
    shares = {
        arm: (1 - record.config.norm_momentum) ** max(record.last_step, 0)
        for arm, record in records.items()
        if registry.describe("norms", record.config.norm).constants.get("RUNNING_STATISTICS", False)
    }
    stale = {arm: share for arm, share in shares.items() if share >= STALE}
    if not stale:
        return ""
    if all(records[arm].config.norm_momentum == 0 for arm in stale):
        state, effect = "were never updated because norm_momentum is 0", "do not show"
    else:
        state = f"still hold {join_words(list(dict.fromkeys(map(percent, stale.values()))))} of their initial values"
        effect = "may understate"
    text = (
        f"The running statistics of {join_words(list(stale))} {state}. Test samples are normalised with them, so these "
        f"scores {effect} what was learned."
    )
    accuracies = {arm: records[arm].final("population_test_accuracy") for arm in stale}
    parts = [f"{arm} {percent(value)}" for arm, value in accuracies.items() if np.isfinite(value)]
    return text + (f" With statistics of all training samples at the end: {', '.join(parts)}." if parts else "")
