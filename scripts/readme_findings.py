"""Write the findings into README.md: `python -m scripts.readme_findings` after `python -m bnviz gallery build`.

The table and the sentences between the two marks are generated from the shipped findings; a test compares them.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

from bnviz import experiments
from bnviz.core.measurement_schedule import PHASES
from bnviz.core.number_format import digits
from bnviz.experiments import DEFAULT_SETTING, Claim, ClaimResult, Finding, significant_verdicts
from bnviz.records.gallery import findings as stored
from bnviz.records.gallery.findings import StoredFindings
from scripts import PROJECT_FOLDER

README = PROJECT_FOLDER / "README.md"
BEGIN, END = "<!-- findings: python -m scripts.readme_findings -->", "<!-- /findings -->"
SIGNS = {"supported": "✓", "contradicted": "✗", "inconclusive": "?"}
ROWS = {
    ("ioffe_activations", "trains_faster"): "Batch norm trains faster (3 × 100 sigmoid): updates to 90 %, ratio",
    (
        "noisy_batch_norm",
        "noise_harmless",
    ): "Noise behind batch norm does no harm (10 × 100 ReLU): accuracy, difference",
    ("noisy_batch_norm", "noise_harmless_population"): "... with statistics taken without the noise",
    ("covariate_shift_mlp", "reduces_relative"): "It reduces internal covariate shift: \\|G − G′\\| / \\|G\\|, ratio",
    ("covariate_shift_mlp", "reduces_cosine"): "... by direction: cos(G, G′), difference",
    ("loss_landscape", "loss_variation"): "The loss changes less along the gradient: range, ratio",
    (
        "loss_landscape",
        "predictive_gradients_relative",
    ): "Gradients are more predictive: max \\|g(α) − g\\| / \\|g\\|, ratio",
    ("loss_landscape", "effective_smoothness"): "The gradient is smoother: effective β, ratio",
    ("loss_landscape", "lipschitz"): "The loss is smoother: Lipschitz estimate, ratio",
    ("loss_landscape", "smaller_gradients"): "Gradients are smaller: \\|g\\|, ratio",
    ("loss_landscape", "sharpness"): "Curvature is smaller: largest eigenvalue, ratio",
    ("theorems", "condition_met"): "The condition of Theorem 4.2 is met in most units: share",
    (
        "gradient_explosion",
        "batch_norm_explodes",
    ): "Gradients explode with depth (40 layers, at init): growth per layer",
}


def main() -> None:
    """Replace the section between the marks."""
    README.write_text(replace_section(README.read_text(encoding="utf-8"), section(stored.read())), encoding="utf-8")
    print(f"{README.name} follows the findings of {stored.read().date}.")


def replace_section(text: str, new: str) -> str:
    """Return the text with a new section between the marks.

    Raises:
        ValueError: the text does not have both marks, in order, once.
    """
    pattern = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
    updated, count = pattern.subn(lambda _: f"{BEGIN}\n{new}\n{END}", text)
    if count != 1:
        raise ValueError(f"README.md has {count} sections of findings; it needs one, from {BEGIN} to {END}")
    return updated


def section(kept: StoredFindings) -> str:
    """Return README's section: counts, a table by phase, and the results of common shortcuts."""
    results = _own(kept, "digits") + _own(kept, "linear_map")
    evidence = [result for result in results if not _claim(result).check]
    on_mnist = {_name(result): result for result in _own(kept, "mnist") if not _claim(result).check}
    by_name = {_name(result): result for result in results}
    table = [
        f"| claim and statistic | whole run | {' | '.join(PHASES)} | MNIST, whole run |",
        f"|---|---|{'---|' * len(PHASES)}---|",
        *(f"| {label} | {' | '.join(_cells(by_name[name], on_mnist.get(name)))} |" for name, label in ROWS.items()),
    ]
    pitfalls = [result for result in results if _name(result)[0] == "measurement_pitfalls"]
    shortcuts = [f"- {_claim_text(result)} {_cell(result, result.phases[0])}." for result in pitfalls]
    return "\n".join(
        [
            *_counts(kept, evidence, list(on_mnist.values())),
            "",
            *table,
            "",
            "Common shortcuts, and what they do:",
            "",
            *shortcuts,
        ]
    )


def _counts(kept: StoredFindings, evidence: Sequence[ClaimResult], on_mnist: Sequence[ClaimResult]) -> list[str]:
    verdicts = [(result, phase) for result in evidence for phase in result.phases]
    decided = [(result, phase) for result, phase in verdicts if result.verdict_in(phase) != "inconclusive"]
    standing = significant_verdicts(evidence)
    significant = [result for result, phase in decided if (*_name(result), phase) in standing]
    outcomes = {_name(result): result.outcome for result in evidence}
    main_datasets = {name: experiments.load(name).datasets[0] for name, _ in outcomes}
    flipped = {
        _name(result)
        for result in experiments.group_by_claim(kept.findings)
        if result.first.dataset == main_datasets.get(result.first.experiment)
        and outcomes.get(_name(result), result.outcome) != result.outcome
    }
    return [
        f"Of {len(evidence)} claims of the papers and of course notes, small networks on scikit-learn's digits",
        f"{_outcomes(evidence)} ({_seeds(evidence)} paired seeds).",
        f"On MNIST ({_seeds(on_mnist)} seeds) they {_outcomes(on_mnist)}.",
        f"In other settings {len(flipped)} of them come out otherwise. Judged phase by phase they are {len(verdicts)}",
        f"verdicts, of which {len(decided)} are decided; about {0.05 * len(verdicts):.0f} would look so by chance, and",
        f"{len(significant)} stand after Holm's correction. A selection, each with the mean and its 95 % interval",
        "(✓ supported, ✗ contradicted, ? open):",
    ]


def _name(judged: ClaimResult) -> tuple[str, str]:
    return judged.first.experiment, judged.first.claim


def _claim(judged: ClaimResult) -> Claim:
    return experiments.load(judged.first.experiment).claim(judged.first.claim)


def _own(kept: StoredFindings, dataset: str) -> list[ClaimResult]:
    return [
        result
        for result in experiments.group_by_claim(kept.findings)
        if result.first.setting == DEFAULT_SETTING and result.first.dataset == dataset
    ]


def _seeds(judged: Sequence[ClaimResult]) -> str:
    return " or ".join(map(str, sorted({len(result.first.seeds) + len(result.first.left_out) for result in judged})))


def _outcomes(judged: Sequence[ClaimResult]) -> str:
    counted = Counter(result.outcome for result in judged)
    return (
        f"support {counted['supported']}, contradict {counted['contradicted']}, find {counted['changes']} that change "
        f"over training, and leave {counted['inconclusive']} open"
    )


def _cells(judged: ClaimResult, on_mnist: ClaimResult | None) -> list[str]:
    cells = [_cell(judged, judged.phases[0])]
    cells += [_cell(judged, phase) if phase in judged.phases else "–" for phase in PHASES]
    return [*cells, _cell(on_mnist, on_mnist.phases[0]) if on_mnist else "–"]


def _cell(judged: ClaimResult, phase: str) -> str:
    finding = judged.findings_in(phase)[0]
    return f"{_number(finding)} {SIGNS[judged.verdict_in(phase)]}" if finding.seeds else "not comparable"


def _number(finding: Finding) -> str:
    if not math.isfinite(finding.mean):
        return "undefined"
    interval = f" ({_text(finding.low)} to {_text(finding.high)})" if math.isfinite(finding.low) else ""
    return f"**{_text(finding.mean)}**{interval}"


def _text(value: float) -> str:
    return digits(value, 3).replace("-", "−")


def _claim_text(judged: ClaimResult) -> str:
    claim = _claim(judged)
    return f"*{claim.statement}* ({claim.conditions[0].measured})".replace("|", "\\|")


if __name__ == "__main__":
    main()
