"""Captions computed from the runs on screen: pure functions from records to sentences.

They hold for any settings: what a run cannot show (nothing was trained, it diverged, its test scores rest on statistics
that were never updated) is said, and a number is given with the update and the samples that it belongs to.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bnviz.analysis.phases import median_so_far
from bnviz.analysis.quantities import mean_over, memoized_per_record
from bnviz.analysis.series import Repeats, finite, spread
from bnviz.core import registry
from bnviz.core.config import MEDIAN, RunConfig
from bnviz.core.number_format import percent, two_digits, updates_in_words
from bnviz.core.record import Record

TINY = 1e-12  # a width up to this counts as none: all samples are alike, and nothing can be measured against it
LARGEST_RATIO = 1e6  # of a wander to a width: beyond, the width is what float32 leaves of values that are all alike
STALE = 0.05
"""Share of their initial values from which running statistics are said not to be those of the data."""
USUAL_WIDTH = (15.0, 85.0)
"""Percentiles between which a width is measured unless the run chooses others; others are named."""
Array = npt.NDArray[np.floating]


def learning(records: Mapping[str, Record], repeats: Repeats | None = None) -> str:
    """Each arm's last score and the update it was taken at, who diverged, and what the scores depend on.

    The score is the accuracy on the test samples, or their loss where values are learned: on all of them once the run
    has finished. Of several seeds the mean, the smallest and the largest.
    """
    begun = {arm: record for arm, record in records.items() if record.data.sizes.get("step")}
    seeds = {arm: (repeats or {}).get(arm) or (record,) for arm, record in begun.items()}
    scored = {arm: record for arm, record in begun.items() if record.outcome != "diverged" or len(seeds[arm]) > 1}
    sentences = []
    if scored:
        classes = all("test_accuracy" in record.data for record in scored.values())
        what = "Test accuracy" if classes else "Test loss"
        updates = {arm: max(int(one.values("step")[-1]) for one in seeds[arm]) for arm in scored}
        alike = len(set(updates.values())) == 1
        when = f" after {updates_in_words(next(iter(updates.values())))}" if alike else ""
        parts = [
            f"{arm} {_score(seeds[arm], classes)}" + ("" if alike else f" after {updates_in_words(count)}")
            for arm, count in updates.items()
        ]
        sentences.append(f"{what}{when}: {', '.join(parts)}.")
    sentences += [_divergence(arm, record) for arm, record in begun.items() if arm not in scored]
    sentences += [untrained(records), _samples(begun), stale_statistics(scored)]
    return " ".join(sentence for sentence in sentences if sentence)


def last_score(record: Record, quantity: str) -> float:
    """On all test samples at the end; before that the last point of its curve; NaN where there is none."""
    final = record.final(f"final_{quantity}")
    return final if np.isfinite(final) else record.final(quantity)


def untrained(records: Mapping[str, Record]) -> str:
    """That nothing is trained, where the learning rate is 0."""
    if not records or any(record.config.learning_rate for record in records.values()):
        return ""
    return "The learning rate is 0: no weight changes and nothing is learned."


def stale_statistics(records: Mapping[str, Record]) -> str:
    """That test samples are normalised with running statistics which have hardly been updated, where this is so.

    After t updates, (1 - norm_momentum)^t of them is still the mean 0 and the variance 1 that they start with.
    """
    left = {
        arm: (1 - record.config.norm_momentum) ** max(record.last_step, 0)
        for arm, record in records.items()
        if registry.describe("norms", record.config.norm).constants.get("RUNNING_STATISTICS", False)
    }
    stale = {arm: share for arm, share in left.items() if share >= STALE}
    if not stale:
        return ""
    if all(records[arm].config.norm_momentum == 0 for arm in stale):
        how, so = "were never updated, as norm_momentum is 0", "do not show"
    else:
        how = f"are still to {' and '.join(dict.fromkeys(map(percent, stale.values())))} their initial values"
        so = "may fall short of"
    text = (
        f"The running statistics of {listed(list(stale))} {how}. Test samples are normalised with them, so these "
        f"scores {so} what was learned."
    )
    told = {arm: records[arm].final("population_test_accuracy") for arm in stale}
    parts = [f"{arm} gets {percent(value)}" for arm, value in told.items() if np.isfinite(value)]
    return text + (f" With statistics taken over the training samples at the end, {listed(parts)}." if parts else "")


def listed(parts: Sequence[str]) -> str:
    """As a person lists them: a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def chance(records: Mapping[str, Record], always: bool = True) -> str:
    """What else than training makes the measurements of two updates differ: mini-batches, and noise.

    With `always` False only where that is all there is, at learning rate 0.
    """
    causes = []
    if any(differ_in_batch(record.config) for record in records.values()):
        causes.append("the chance difference between one mini-batch and the next")
    noisy = [arm for arm, record in records.items() if has_noise(record.config)]
    if noisy:
        causes.append(f"the noise in {listed(noisy)}")
    if untrained(records):
        if causes:
            return f"No weight changes at learning rate 0: this is only {listed(causes)}."
        return "No weight changes at learning rate 0 and all batches are alike: this is only rounding."
    return f"This includes {listed(causes)}." if causes and always else ""


def differ_in_batch(config: RunConfig) -> bool:
    """Whether two measurements of a run are on different samples."""
    samples = registry.describe("datasets", config.dataset).constants["TRAIN_SAMPLES"]
    return config.probe_data == "batch" and config.batch_size < samples


def has_noise(config: RunConfig) -> bool:
    """Whether noise is added behind the normalisation while training."""
    strengths = (
        config.option("noise_mean"),
        config.option("noise_scale") - 1,
        config.option("noise_spread_mean"),
        config.option("noise_spread_scale"),
    )
    return config.norm.startswith("noisy_") and any(strengths)


def one_unit(records: Mapping[str, Record], layer: int, unit: int) -> str:
    """How far the unit's median wanders in each arm, as a number and against the width of its own distribution."""
    parts = []
    for name, record in _measured(records).items():
        wanders, widths = _wander_and_width(record, layer)
        wander, width = float(wanders[unit - 1]), float(widths[unit - 1])
        if np.isfinite(wander):
            part = f"{two_digits(wander)} in {name}"
            if _has_width(wander, width):
                part += f", which is {two_digits(wander / width)} times {_width_in_words(record)}"
            parts.append(part)
    told = _sentence(parts, f"The median of unit {unit} in layer {layer} wanders over ", "", "; over ")
    return _with_reasons(told, records)


def whole_layer(records: Mapping[str, Record], layer: int) -> str:
    """The same for all units of the layer: the unit in the middle of the ranking, and the largest."""
    parts = []
    for name, record in _measured(records).items():
        wanders, widths = _wander_and_width(record, layer)
        seen = np.isfinite(wanders)
        if not seen.any():
            continue
        wander, width = wanders[seen].astype(float), widths[seen].astype(float)
        middle, largest = two_digits(float(np.median(wander))), two_digits(float(wander.max()))
        wide = _has_width(wander, width)
        if wide.any():
            times = two_digits(float(np.median(wander[wide] / width[wide])))
            parts.append(f"{times} times its width in {name} ({middle}, at most {largest})")
        else:
            parts.append(f"{middle} in {name} (at most {largest})")
    told = _sentence(parts, f"In layer {layer} a typical unit's median wanders over ", "", ", over ")
    return _with_reasons(told, records)


def _has_width(wander: Any, width: Any) -> Any:
    """Whether a wander can be told in multiples of a width, of one unit or of several."""
    return (width > TINY) & (width * LARGEST_RATIO > wander)


def _with_reasons(told: str, records: Mapping[str, Record]) -> str:
    """The same, with who is left out of it, and with what moved if nothing was trained."""
    diverged = [arm for arm, record in records.items() if record.outcome == "diverged" and "percentile" in record.data]
    if diverged:
        left_out = f"{listed(diverged)} diverged, so how far units moved there means nothing."
        told += f" {left_out[:1].upper()}{left_out[1:]}"
    elif told and (cause := chance(records, always=False)):
        told += f" {cause}"
    return told.strip()


def _measured(records: Mapping[str, Record]) -> dict[str, Record]:
    """Those whose distributions can be told: not of runs that left the range of numbers."""
    return {
        name: record for name, record in records.items() if "percentile" in record.data and record.outcome != "diverged"
    }


def _width_in_words(record: Record) -> str:
    low, high = (record.config.recorded_percentiles[place] for place in (0, -1))
    named = "" if (low, high) == USUAL_WIDTH else f" (from percentile {low:g} to {high:g})"
    return f"the distribution's own width{named}"


@memoized_per_record
def _wander_and_width(record: Record, layer: int) -> tuple[Array, Array]:
    """For each unit of a layer: largest minus smallest median of the run, and the width of its distribution.

    The width is the median over updates of the distance between the outer percentiles; NaN is what is not finite.
    """
    values = record.values("percentile", layer=layer)  # (probe_step, quantile, unit)
    middle = record.values("percentile", layer=layer, quantile=MEDIAN)
    middle = np.where(np.isfinite(middle), middle, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a unit that a narrower layer lacks is NaN throughout
        wander = spread(np.nanmin(middle, axis=0), np.nanmax(middle, axis=0))
    widths, steps = spread(values[:, 0], values[:, -1]), record.values("probe_step")
    width = np.array([median_so_far(steps, of_unit) for of_unit in widths.T])
    return wander, width


def saturation_and_drift(records: Mapping[str, Record], layer: int) -> str:
    """Share of saturated units at the last measured update, and how far means move in one step."""
    parts = []
    for name, record in records.items():
        if not {"saturated_share", "mean_change"} <= record.data.keys():
            continue
        share, at, change = _share_and_change(record, layer)
        if share is not None and np.isfinite(change):
            parts.append(
                f"{name}: {percent(share)} saturated at update {at}, a unit's mean moves by "
                f"{two_digits(change)} in a step"
            )
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}. {chance(records)}".strip() if parts else ""


@memoized_per_record
def _share_and_change(record: Record, layer: int) -> tuple[float | None, int, float]:
    """The last finite share and its update, and the median of the changes over units and updates."""
    share = mean_over(record.values("saturated_share", layer=layer), -1)
    seen = np.flatnonzero(np.isfinite(share))
    change = median_so_far(record.values("probe_step"), record.values("mean_change", layer=layer))
    if not seen.size:
        return None, 0, change
    return float(share[seen[-1]]), int(record.values("probe_step")[seen[-1]]), change


def compared(values: Mapping[str, float], end: str = "") -> str:
    """Each arm's number, and how many times the largest is the smallest: "0.01 in standard and 0.03 in batch norm, ..."

    Empty without a number; the factor only where there are two positive ones that differ.
    """
    if not values:
        return ""
    text = listed([f"{two_digits(value)} in {arm}" for arm, value in values.items()]) + end
    largest, smallest = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    if values[smallest] > 0 and two_digits(values[largest]) != two_digits(values[smallest]):
        factor = two_digits(values[largest] / values[smallest])
        text += f": {factor} times as much in {largest} as in {smallest}" if factor != "1" else ", about the same"
    return text


def _score(seeds: Sequence[Record], classes: bool) -> str:
    """Of one seed its score; of several the mean, in brackets the smallest and largest and how many diverged."""
    quantity, word = ("test_accuracy", percent) if classes else ("test_loss", two_digits)
    values = finite(np.array([last_score(one, quantity) for one in seeds]))
    if not values.size:
        return "beyond numbers"
    if len(seeds) == 1:
        return word(float(values[0]))
    diverged = sum(record.outcome == "diverged" for record in seeds)
    ends = f"{word(float(values.min()))} to {word(float(values.max()))}"
    lost = f", {diverged} of them diverged" if diverged else ""
    return f"{word(float(values.mean()))} ({ends}, {len(seeds)} seeds{lost})"


def _divergence(arm: str, record: Record) -> str:
    told = f"{arm} diverged by update {record.last_step}: its loss is no longer finite, and its training ended there."
    return told[:1].upper() + told[1:]


def _samples(records: Mapping[str, Record]) -> str:
    """How many test samples the curves and scores are of, where not all."""
    few = [record for record in records.values() if record.config.test_samples < size_of_test_set(record.config)]
    if not few:
        return ""
    count, everything = few[0].config.test_samples, size_of_test_set(few[0].config)
    first = "sample" if count == 1 else f"{count} samples"
    if all(record.outcome == "finished" for record in few):
        return f"These scores are of all {everything} test samples, the curves of the first {first} only."
    return f"Curves are of the first test {first} only, of {everything}; all are scored when a run finishes."


def size_of_test_set(config: RunConfig) -> int:
    """How many test samples the run's data set has; 0 if its file does not say."""
    count: int = registry.describe("datasets", config.dataset).constants.get("TEST_SAMPLES", 0)
    return count


def _sentence(parts: list[str], start: str, end: str, between: str = ", ") -> str:
    return f"{start}{between.join(parts)}{end}." if parts else ""
