"""`python -m bnviz experiment`: what it prints, writes and refuses, and what the gallery keeps; runs of a few steps."""

import csv
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from bnviz import Record, RunConfig, experiments
from bnviz.analysis.phases import PARTS, WHOLE
from bnviz.cli import experiment_runs, main, parallel_runs
from bnviz.cli.verdict_table import rule_text, verdict_table
from bnviz.core import registry
from bnviz.datasets import DatasetError
from bnviz.experiments import FEWEST_SEEDS, Experiment, OverTime, Rule, group_by_claim
from bnviz.records.gallery.findings import read
from tests.made_findings import made, of_claim

PHASES = {phase.name: phase for phase in (WHOLE, *PARTS)}
Tiny = Callable[[str], Experiment]


def invoke(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, ["experiment", *arguments])
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result


def cells(printed: str) -> list[list[str]]:
    """The tables' rows, without those that name the columns."""
    rows = [[cell.strip() for cell in line.split(" | ")] for line in printed.splitlines() if " | " in line]
    return [row for row in rows if row[2] != "verdict"]


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch, tiny: Tiny) -> Callable[..., Experiment]:
    """Replace an experiment by its tiny likeness, with further changes."""

    def changed(name: str, **changes: object) -> Experiment:
        chosen = replace(tiny(name), **changes)
        monkeypatch.setattr(registry.load("experiments", name), "EXPERIMENT", chosen)
        return chosen

    return changed


def test_command_prints_tables_and_writes_files(tiny: Tiny, changed: Callable[..., Experiment], tmp_path: Path) -> None:
    base = tiny("theorems").base.model_copy(update={"probe_points": 5})  # every update, so that phases can be judged
    chosen = changed("theorems", base=base)
    out = tmp_path / "new" / "folder"
    result = invoke("theorems", "--seeds", "3", "--sweep", "--out", str(out))
    assert "6 of 12 runs" in result.stderr
    assert "12 of 12 runs" in result.stderr
    assert result.stdout.startswith(f"{chosen.question}  ({chosen.source})\n")
    heads = re.findall(r"^(\S.*?) +\| phase +\| verdict", result.stdout, re.MULTILINE)
    assert heads == ["digits, as by default", "digits, other rate"]
    table = cells(result.stdout)
    names = [claim.name for claim in chosen.claims]
    assert [row[0] for row in table if row[0]] == 2 * names
    wanted = []
    for claim in chosen.claims:
        over_time = isinstance(claim.conditions[0].statistic, OverTime)
        wanted += [(claim.name, phase) for phase in (PHASES if over_time else [""])]
    assert [row[1] for row in table] == 2 * [phase for _, phase in wanted]
    assert {row[2] for row in table} == {"too few seeds"}
    assert all(re.fullmatch(r"\S+ to \S+", row[5]) and row[6] == "none" for row in table)

    keys = {
        config.key
        for setting in ("as by default", "other rate")
        for seed in range(3)
        for config in chosen.configs(seed, setting).values()
    }
    records = {path.stem: Record.load(path) for path in (out / "records").iterdir()}
    assert records.keys() == keys
    assert all(record.config.key == key and record.outcome == "finished" for key, record in records.items())

    with (out / "runs.csv").open(encoding="utf-8-sig") as file:
        runs = list(csv.DictReader(file))
    assert len(runs) == 12
    for run in runs:
        record = records[run["run_key"]]
        assert run["seed"] == str(record.config.seed)
        assert float(run["final_test_accuracy"]) == pytest.approx(record.final("final_test_accuracy"), rel=1e-5)
    with (out / "findings.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["setting"], row["claim"], row["phase"]) for row in rows] == [
        (setting, name, phase) for setting in ("as by default", "other rate") for name, phase in wanted
    ]
    for row, printed in zip(rows, table, strict=True):
        condition = chosen.claim(row["claim"]).conditions[int(row["condition"])]
        assert row["measured"] == condition.measured
        assert (row["seeds"], row["left_out"]) == ("3", "0")
        assert printed[4] == f"{float(row['mean']):.3g}"
        for seed in range(3):
            arms = chosen.configs(seed, row["setting"])
            of_seed = {arm: records[config.key] for arm, config in arms.items()}
            statistic = condition.statistic
            if isinstance(statistic, OverTime):
                value = statistic.in_phase(of_seed, PHASES[row["phase"]])
            else:
                value = statistic(of_seed)
            assert float(row[f"seed_{seed}"]) == pytest.approx(math.exp(value) if condition.ratio else value, rel=1e-5)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "python -m bnviz experiment theorems --seeds 3 --sweep" in page
    assert all(name in page for name in names)


def test_contradicted_claim_exits_with_success(tiny: Tiny, changed: Callable[..., Experiment]) -> None:
    """The noise does shift distributions; here the rule requires the opposite."""
    name = "noisy_batch_norm"
    declared = tiny(name)
    claim = declared.claim("noise_shifts")
    opposite = replace(claim, conditions=(replace(claim.conditions[0], rule=Rule("below")),))
    changed(name, base=declared.base.model_copy(update={"steps": 8, "probe_points": 9}), claims=(opposite,))
    rows = cells(invoke(name, "--seeds", str(FEWEST_SEEDS), "--quiet").stdout)
    assert rows[0][:3] == ["noise_shifts", "whole run", "contradicted"]


def test_check_holds_or_fails_and_needs_six_seeds() -> None:
    few = {"seeds": tuple(range(FEWEST_SEEDS - 1)), "rank_low": math.nan, "rank_high": math.nan}
    for changes, verdict, word in (
        ({}, "supported", "holds"),
        ({}, "contradicted", "fails"),
        (few, "inconclusive", "too few seeds"),
    ):
        findings = of("theorems", "theorem_41", verdict, **changes)
        ((claim, _, printed, *_, ranks),) = cells(verdict_table(experiments.load("theorems"), group_by_claim(findings)))
        assert (claim, printed) == ("theorem_41", word)
        assert (ranks == "none") == (word == "too few seeds")


def test_excluded_seeds_are_counted_with_reason(tiny: Tiny) -> None:
    """No tiny network learns."""
    tiny("covariate_shift_mlp")
    printed = invoke("covariate_shift_mlp", "--seeds", "2", "--quiet").stdout
    why = "standard does not learn (test accuracy below 50 %) and batch norm does not learn (test accuracy below 50 %)"
    for row in cells(printed):
        assert row[2] == "not comparable"
        assert row[4:] == ["undefined", "none", "none"]
    for claim in experiments.load("covariate_shift_mlp").claims:
        assert f"\n  {claim.name}: 2 of 2 seeds are left out: {why}\n" in printed


def test_notes_have_statistic_and_divergence_rule(tiny: Tiny) -> None:
    tiny("noisy_batch_norm")
    printed = invoke("noisy_batch_norm", "--seeds", "1", "--quiet").stdout
    assert (
        "\n  noise_stops_standard: test accuracy at the end, noisy standard; and: test accuracy at the end, noisy "
        "batch norm (where accuracies are compared, a network that diverged counts as one that guesses)\n"
    ) in printed


def starred(name: str, *findings) -> dict[tuple[str, str, str], bool]:
    """Whether a row has the mark of Holm's correction, by claim, phase and rule."""
    printed = verdict_table(experiments.load(name), group_by_claim(findings))
    claims = [finding.claim for finding in findings]
    return {(claim, row[1], row[3]): row[2].endswith(" *") for claim, row in zip(claims, cells(printed), strict=True)}


def of(name: str, claim: str, verdicts, **changes):
    chosen = experiments.load(name)
    return of_claim(name, chosen, chosen.claim(claim), verdicts, **changes)


def test_verdicts_significant_after_holm_are_marked() -> None:
    """Two claims over time are eight verdicts: the smallest p-value has to be below 0.05 / 8, the next 0.05 / 7."""
    name = "covariate_shift_mlp"
    verdicts = {"whole run": "supported", "start": "contradicted", "middle": "supported", "last half": "supported"}
    p_values = {"whole run": 0.006, "start": 0.007, "middle": 0.0084, "last half": 0.04}
    first = [replace(one, p=p_values[one.phase]) for one in of(name, "reduces_relative", verdicts)]
    second = of(name, "reduces_raw", "inconclusive", p=0.6)
    marks = starred(name, *first, *second)
    assert [phase for (claim, phase, _), mark in marks.items() if mark] == ["whole run", "start"], "0.05 / 6 is less"
    assert not any(mark for (claim, _, _), mark in marks.items() if claim == "reduces_raw")
    table = verdict_table(experiments.load(name), group_by_claim([*first, *second]))
    assert "*: stands after Holm's correction over these 8 verdicts, of which 0.4 would look decided by chance" in table


def test_checks_are_not_counted_by_holm() -> None:
    check = of("theorems", "theorem_41", "supported", p=1e-9)
    evidence = of("theorems", "condition_met", "supported", p=0.012)  # four phases: 0.05 / 4 is more
    marks = starred("theorems", *check, *evidence)
    assert [claim for (claim, _, _), mark in marks.items() if mark] == ["condition_met"] * 4
    table = verdict_table(experiments.load("theorems"), group_by_claim([*check, *evidence]))
    assert "over these 4 verdicts" in table


def test_deciding_condition_is_marked() -> None:
    stopped, trained = of("noisy_batch_norm", "noise_stops_standard", "supported", p=0.04)
    against = replace(stopped, verdict="contradicted", p=0.001)
    assert list(starred("noisy_batch_norm", against, trained).values()) == [True, False]
    assert list(starred("noisy_batch_norm", replace(stopped, p=0.001), trained).values()) == [True, True]
    open_ = replace(trained, verdict="inconclusive", p=0.3)
    assert list(starred("noisy_batch_norm", replace(stopped, p=0.001), open_).values()) == [False, False]


def test_rules_are_written_in_words() -> None:
    within = {"experiment": "measurement_pitfalls", "kind": "within"}
    assert rule_text(made(**within, claim="band_over_runs_none", bound=1.5)) == "within a factor of 1.5"
    assert rule_text(made(**within, claim="consecutive_batches_none", bound=1e-6)) == "within ±1e-06"
    assert rule_text(made(kind="below", bound=-0.02)) == "below -0.02"


def test_claim_is_left_out_of_excluded_settings(tiny: Tiny, changed: Callable[..., Experiment]) -> None:
    first, second = tiny("batch_size").claims
    changed("batch_size", claims=(replace(first, not_in=("other rate",)), replace(second, not_in=())))
    table = cells(invoke("batch_size", "--seeds", "2", "--sweep", "--quiet").stdout)
    assert [row[0] for row in table] == [first.name, second.name, second.name]


def test_several_processes_give_the_same_results(tiny: Tiny) -> None:
    tiny("batch_size")
    one, two = (invoke("batch_size", "--seeds", "2", "--processes", number, "--quiet").stdout for number in "12")
    assert one == two
    assert "no_effect" in one


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run keys of what is trained in this process."""
    keys: list[str] = []
    train = parallel_runs.train_on_one_thread

    def noting(config: RunConfig) -> Record:
        keys.append(config.key)
        return train(config)

    monkeypatch.setattr(parallel_runs, "train_on_one_thread", noting)
    return keys


def test_kept_records_are_not_trained_again(tiny: Tiny, trained: list[str], tmp_path: Path) -> None:
    tiny("batch_size")
    first = invoke("batch_size", "--seeds", "2", "--out", str(tmp_path))
    assert len(trained) == 4
    kept = {path: path.read_bytes() for path in (tmp_path / "records").iterdir()}
    assert {path.name for path in kept} == {f"{key}.nc" for key in trained}
    trained.clear()
    again = invoke("batch_size", "--seeds", "2", "--out", str(tmp_path))
    assert trained == []
    assert again.stdout == first.stdout
    assert "4 of 4 runs" in again.stderr
    more = invoke("batch_size", "--seeds", "3", "--out", str(tmp_path))
    assert len(trained) == 2
    assert "6 of 6 runs" in more.stderr
    assert {path: path.read_bytes() for path in kept} == kept
    assert len(list((tmp_path / "records").iterdir())) == 6


def test_unreadable_or_foreign_record_is_retrained(tiny: Tiny, trained: list[str], tmp_path: Path) -> None:
    tiny("batch_size")
    first = invoke("batch_size", "--seeds", "2", "--out", str(tmp_path))
    torn, other, unfinished, whole = (tmp_path / "records" / f"{key}.nc" for key in trained)
    contents = {path: path.read_bytes() for path in (torn, other, unfinished)}
    torn.write_bytes(contents[torn][:1000])
    other.write_bytes(whole.read_bytes())
    unfinished.rename(unfinished.with_suffix(".part"))
    expected = trained[:3]
    trained.clear()
    again = invoke("batch_size", "--seeds", "2", "--out", str(tmp_path))
    assert sorted(trained) == sorted(expected)
    assert again.stdout == first.stdout
    assert {path: path.read_bytes() for path in contents} == contents
    assert [path.suffix for path in (tmp_path / "records").iterdir()] == [".nc"] * 4


def test_finished_records_survive_an_interruption(
    tiny: Tiny, trained: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tiny("batch_size")
    train = parallel_runs.train_on_one_thread

    def stopped_at_the_third(config: RunConfig) -> Record:
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(config)

    with monkeypatch.context() as patch:
        patch.setattr(parallel_runs, "train_on_one_thread", stopped_at_the_third)
        CliRunner().invoke(main, ["experiment", "batch_size", "--seeds", "2", "--quiet", "--out", str(tmp_path)])
    assert {path.name for path in (tmp_path / "records").iterdir()} == {f"{key}.nc" for key in trained}
    done = list(trained)
    invoke("batch_size", "--seeds", "2", "--out", str(tmp_path))
    assert (len(done), len(trained), len(set(trained))) == (2, 4, 4)


def test_unknown_experiment_is_refused() -> None:
    said = invoke("batch_sice", status=2).stderr
    assert "batch_sice" in said
    assert re.search(r"batch_size, .*measurement_pitfalls.*theorems\.$", said.strip())


def test_unsuitable_dataset_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment_runs, "train_all", lambda *_: pytest.fail("nothing must be trained"))
    said = invoke("covariate_shift_dln", "--dataset", "digits", status=2).stderr
    assert "--dataset = digits: covariate_shift_dln makes sense on linear_map." in said


def test_impossible_folder_is_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment_runs, "train_all", lambda *_: pytest.fail("nothing must be trained"))
    assert "/dev/null/x" in invoke("batch_size", "--out", "/dev/null/x", status=2).stderr


def test_missing_dataset_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_data(*_: object) -> None:
        raise DatasetError("MNIST is not there; check the network")

    monkeypatch.setattr(experiment_runs, "train_all", no_data)
    assert "MNIST is not there; check the network" in invoke("batch_size", "--dataset", "mnist", status=1).stderr


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """`gallery build` of one experiment, without the presets' records, to the folder `new`."""
    monkeypatch.setattr("bnviz.cli.gallery_build.registry", SimpleNamespace(names=lambda _: ("batch_size",)))

    def build(*arguments: str) -> Result:
        command = ["gallery", "build", "--no-records", "--folder", str(tmp_path / "new"), *arguments]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
        return result

    return build


def test_gallery_build_writes_findings(tiny: Tiny, build: Callable[..., Result], tmp_path: Path) -> None:
    claims = [claim.name for claim in tiny("batch_size").claims]
    result = build("--quiet", "--seeds", "2")
    written = read(tmp_path / "new" / "findings.json")
    assert [(one.claim, one.setting, one.dataset) for one in written.findings] == [
        (claim, setting, "digits") for setting in ("as by default", "other rate") for claim in claims
    ]
    assert all((*one.seeds, *one.left_out) == (0, 1) for one in written.findings)
    assert written.versions.keys() == {"measuring", "torch", "python"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["findings.json"]
    assert "findings.json" in result.stdout
    assert f"{len(written.findings)} findings" in result.stdout
    assert result.stderr == ""


def test_gallery_build_continues_with_kept_runs(
    tiny: Tiny, trained: list[str], build: Callable[..., Result], tmp_path: Path
) -> None:
    tiny("batch_size")
    runs = tmp_path / "runs"
    first = build("--seeds", "2", "--runs", str(runs))
    assert "batch_size on digits, other rate: 4 of 4 runs" in first.stderr
    findings = read(tmp_path / "new" / "findings.json").findings
    assert {path.name for path in runs.iterdir()} == {f"{key}.nc" for key in trained}
    assert len(trained) == 8
    trained.clear()
    lost = next(runs.iterdir())
    lost.unlink()
    build("--seeds", "2", "--runs", str(runs))
    assert trained == [lost.stem]
    assert repr(read(tmp_path / "new" / "findings.json").findings) == repr(findings)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["findings.json"], (
        "runs are kept where they are asked"
    )
