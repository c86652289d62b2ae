"""Phrases that several captions share: lists, comparisons of arms, and causes of change other than training."""

from collections.abc import Mapping, Sequence

from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record

MEDIANS = "Values are medians over the updates."


def join_words(parts: Sequence[str]) -> str:
    """Join the parts of an enumeration: a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def capitalised(text: str) -> str:
    """Return the text with a capital first letter, the rest unchanged."""
    return text[:1].upper() + text[1:]


def list_values(values: Mapping[str, float]) -> str:
    """List one number per arm: "0.5 in standard and 0.9 in batch norm"."""
    return join_words([f"{two_digits(value)} in {arm}" for arm, value in values.items()])


def compare_arms(values: Mapping[str, float]) -> str:
    """List one number per arm and the factor between the largest and the smallest.

    Args:
        values: by arm; empty gives an empty text.

    Returns:
        For example "0.01 in standard and 0.03 in batch norm: 3 times as much in batch norm as in standard". The factor
        is given only if the smallest value is positive and differs from the largest.
    """
    if not values:
        return ""
    text = list_values(values)
    largest, smallest = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    if values[smallest] > 0 and two_digits(values[largest]) != two_digits(values[smallest]):
        factor = two_digits(values[largest] / values[smallest])
        text += f": {factor} times as much in {largest} as in {smallest}" if factor != "1" else ", about the same"
    return text


def untrained(records: Mapping[str, Record]) -> str:
    """Return a sentence if every run has learning rate 0, otherwise an empty text."""
    if not records or any(record.config.learning_rate for record in records.values()):
        return ""
    return "The learning rate is 0: no weight changes and nothing is learned."


def chance_difference(records: Mapping[str, Record], only_untrained: bool = False) -> str:
    """Name the causes, other than training, by which two measurements differ: mini-batches and noise.

    With `only_untrained` the text is empty unless the learning rate is 0.
    """
    causes = []
    if any(batches_differ(record.config) for record in records.values()):
        causes.append("the chance difference between mini-batches")
    noisy = [arm for arm, record in records.items() if has_noise(record.config)]
    if noisy:
        causes.append(f"the noise in {join_words(noisy)}")
    if untrained(records):
        if causes:
            return f"At learning rate 0 no weight changes, so this is only {join_words(causes)}."
        return "At learning rate 0 no weight changes and all batches are equal, so this is only rounding."
    return f"This includes {join_words(causes)}." if causes and not only_untrained else ""


def batches_differ(config: RunConfig) -> bool:
    """Return whether two measurements of a run use different samples."""
    samples = registry.describe("datasets", config.dataset).constants["TRAIN_SAMPLES"]
    return config.probe_data == "batch" and config.batch_size < samples


def has_noise(config: RunConfig) -> bool:
    """Return whether noise is added after the normalisation during training."""
    strengths = (
        config.option("noise_mean"),
        config.option("noise_scale") - 1,
        config.option("noise_spread_mean"),
        config.option("noise_spread_scale"),
    )
    return config.norm.startswith("noisy_") and any(strengths)
