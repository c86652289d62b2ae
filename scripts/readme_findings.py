"""Write the findings into README.md: `python -m scripts.readme_findings` after `python -m bnviz gallery build`.

The table and the sentences between the two marks are made of the shipped findings, so that no number and no verdict in
them is typed by hand; a test compares.
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
from bnviz.records.gallery.findings import Stored
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
    """Replace what stands between the marks."""
    README.write_text(replaced(README.read_text(encoding="utf-8"), section(stored.read())), encoding="utf-8")
    print(f"{README.name} follows the findings of {stored.read().date}.")


def replaced(text: str, new: str) -> str:
    """The text with what stands between the marks replaced.

    Raises:
        ValueError: it does not have both marks, in order, once.
    """
    pattern = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
    found, count = pattern.subn(lambda _: f"{BEGIN}\n{new}\n{END}", text)
    if count != 1:
        raise ValueError(f"README.md has {count} sections of findings; it needs one, from {BEGIN} to {END}")
    return found


def section(kept: Stored) -> str:
    """What README says of the findings: counts, a table phase by phase, and which shortcuts fail."""
    own = _own(kept, "digits") + _own(kept, "linear_map")
    evidence = [one for one in own if not _claim(one).check]
    on_mnist = {_name(one): one for one in _own(kept, "mnist") if not _claim(one).check}
    by_name = {_name(one): one for one in own}
    table = [
        f"| claim and statistic | whole run | {' | '.join(PHASES)} | MNIST, whole run |",
        f"|---|---|{'---|' * len(PHASES)}---|",
        *(f"| {label} | {' | '.join(_cells(by_name[name], on_mnist.get(name)))} |" for name, label in ROWS.items()),
    ]
    pitfalls = [one for one in own if _name(one)[0] == "measurement_pitfalls"]
    shortcuts = [f"- {_claim_text(one)} {_cell(one, one.phases[0])}." for one in pitfalls]
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


def _counts(kept: Stored, evidence: Sequence[ClaimResult], on_mnist: Sequence[ClaimResult]) -> list[str]:
    verdicts = [(one, phase) for one in evidence for phase in one.phases]
    decided = [(one, phase) for one, phase in verdicts if one.verdict_in(phase) != "inconclusive"]
    standing = significant_verdicts(evidence)
    stand = [one for one, phase in decided if (*_name(one), phase) in standing]
    usual = {_name(one): one.outcome for one in evidence}
    main_data = {name: experiments.load(name).datasets[0] for name, _ in usual}
    turned = {
        _name(one)
        for one in experiments.group_by_claim(kept.findings)
        if one.first.dataset == main_data.get(one.first.experiment)
        and usual.get(_name(one), one.outcome) != one.outcome
    }
    return [
        f"Of {len(evidence)} claims of the papers and of course notes, small networks on scikit-learn's digits",
        f"{_outcomes(evidence)} ({_seeds(evidence)} paired seeds).",
        f"On MNIST ({_seeds(on_mnist)} seeds) they {_outcomes(on_mnist)}.",
        f"In other settings {len(turned)} of them come out otherwise. Judged phase by phase they are {len(verdicts)}",
        f"verdicts, of which {len(decided)} are decided; about {0.05 * len(verdicts):.0f} would look so by chance, and",
        f"{len(stand)} stand after Holm's correction. A selection, each with the mean and its 95 % interval",
        "(✓ supported, ✗ contradicted, ? open):",
    ]


def _name(judged: ClaimResult) -> tuple[str, str]:
    return judged.first.experiment, judged.first.claim


def _claim(judged: ClaimResult) -> Claim:
    return experiments.load(judged.first.experiment).claim(judged.first.claim)


def _own(kept: Stored, dataset: str) -> list[ClaimResult]:
    return [
        one
        for one in experiments.group_by_claim(kept.findings)
        if one.first.setting == DEFAULT_SETTING and one.first.dataset == dataset
    ]


def _seeds(judged: Sequence[ClaimResult]) -> str:
    return " or ".join(map(str, sorted({len(one.first.seeds) + len(one.first.left_out) for one in judged})))


def _outcomes(judged: Sequence[ClaimResult]) -> str:
    counted = Counter(one.outcome for one in judged)
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
