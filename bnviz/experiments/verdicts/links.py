"""Links to the page of an experiment, and to the settings in which a verdict differs."""

from collections.abc import Sequence
from urllib.parse import urlencode

from bnviz import experiments
from bnviz.core.config import RunConfig
from bnviz.core.presets import DEFAULTS
from bnviz.experiments import DEFAULT_SETTING, ClaimResult, Experiment
from bnviz.experiments.verdicts.texts import outcome_text


def flips(name: str, claim: str, judged: Sequence[ClaimResult]) -> list[str]:
    """List the settings of experiment `name` in which a claim's verdict differs from the default one.

    Args:
        name: of the experiment.
        claim: of its claims.
        judged: stored verdicts of the experiment in all settings, on the data set that it is shown with.

    Returns:
        Markdown, each a link to the setting with its verdict.
    """
    experiment = experiments.load(name)
    of_claim = [entry for entry in judged if entry.first.claim == claim]
    usual = next((entry.outcome for entry in of_claim if entry.first.setting == DEFAULT_SETTING), None)
    if usual is None:
        return []
    return [
        f"{_setting_link(experiment, entry.first.setting)}: {outcome_text(entry)}"
        for entry in of_claim
        if entry.first.setting in experiment.settings and entry.outcome != usual
    ]


def link(experiment: Experiment, setting: str = DEFAULT_SETTING, dataset: str | None = None) -> str:
    """Return the address of the experiment's page in a setting, or of the page alone if it shows its own runs."""
    page_config = DEFAULTS[experiment.page]
    if not _controls_apply(experiment):
        return f"/{experiment.page}"
    changes = {} if setting == DEFAULT_SETTING else dict(experiment.settings[setting])
    fixed = {"norm": page_config.norm, "probes": page_config.probes, "dataset": dataset or experiment.datasets[0]}
    query = RunConfig.model_validate(experiment.base.model_dump() | changes | fixed).to_query(page_config)
    return f"/{experiment.page}" + (f"?{urlencode(query, safe=',')}" if query else "")


def _setting_link(experiment: Experiment, setting: str) -> str:
    """The setting's name, as a link if the page can show it."""
    return f"[{setting}]({link(experiment, setting)})" if _controls_apply(experiment) else setting


def _controls_apply(experiment: Experiment) -> bool:
    """Whether the page's controls change what the experiment measures; otherwise the page shows runs of its own."""
    probes = set(experiment.base.probes)
    return not probes or not probes.isdisjoint(DEFAULTS[experiment.page].probes)
