"""`python -m bnviz experiment`: what it prints, writes and refuses, and what the gallery keeps; runs of a few steps."""

import csv
import math
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from bnviz import Record, registry
from bnviz.cli import main
from bnviz.datasets import DatasetError
from bnviz.experiments import FEWEST_SEEDS, Experiment
from bnviz.gallery.findings import read

MODULE = import_module("bnviz.cli.experiment")  # `bnviz.cli` has the command by the same name
Tiny = Callable[[str], Experiment]


def invoke(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, ["experiment", *arguments])
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result


def cells(printed: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(" | ")] for line in printed.splitlines() if " | " in line]


def test_table_and_files(tiny: Tiny, tmp_path: Path) -> None:
    chosen = tiny("covariate_shift_mlp")
    out = tmp_path / "new" / "folder"
    result = invoke("covariate_shift_mlp", "--seeds", "3", "--sweep", "--out", str(out))
    assert "6 of 12 runs" in result.stderr
    assert "12 of 12 runs" in result.stderr
    assert result.stdout.startswith(f"{chosen.question}  ({chosen.source})\n")
    table = cells(result.stdout)
    assert [row[0] for row in table if row[1] == "verdict"] == ["digits, as by default", "digits, other rate"]
    names = [claim.name for claim in chosen.claims]
    assert [row[0] for row in table if row[1] != "verdict"] == 2 * names
    assert all(row[1].endswith("(provisional)") for row in table if row[1] != "verdict")

    keys = {
        config.key
        for setting in ("as by default", "other rate")
        for seed in range(3)
        for config in chosen.configs(seed, setting).values()
    }
    records = {path.stem: Record.load(path) for path in (out / "records").iterdir()}
    assert records.keys() == keys
    assert all(record.config.key == key and record.outcome == "finished" for key, record in records.items())

    with (out / "runs.csv").open() as file:
        runs = list(csv.DictReader(file))
    assert len(runs) == 12
    for run in runs:
        record = records[run["run_key"]]
        assert run["seed"] == str(record.config.seed)
        assert float(run["final_test_accuracy"]) == pytest.approx(record.final("final_test_accuracy"))
    with (out / "findings.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["setting"], row["claim"]) for row in rows] == [
        (setting, name) for setting in ("as by default", "other rate") for name in names
    ]
    for row in rows:
        claim = next(claim for claim in chosen.claims if claim.name == row["claim"])
        for seed in range(3):
            arms = chosen.configs(seed, row["setting"])
            value = claim.statistic({arm: records[config.key] for arm, config in arms.items()})
            assert float(row[f"seed_{seed}"]) == pytest.approx(math.exp(value) if claim.ratio else value)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "python -m bnviz experiment covariate_shift_mlp --seeds 3 --sweep" in page
    assert all(name in page for name in names)


def test_a_contradicted_claim_is_a_result_not_a_failure(tiny: Tiny) -> None:
    """Accuracy above 0.9 after four steps of a tiny network."""
    tiny("initialisation")
    verdicts = {row[0]: row[1] for row in cells(invoke("initialisation", "--quiet").stdout)}
    assert verdicts["learns_from_all"] == "contradicted"


def test_a_claim_is_left_out_where_it_says_nothing(monkeypatch: pytest.MonkeyPatch, tiny: Tiny) -> None:
    chosen = tiny("batch_size")
    first, second = chosen.claims
    limited = replace(chosen, claims=(replace(first, not_in=("other rate",)), second))
    monkeypatch.setattr(registry.load("experiments", "batch_size"), "EXPERIMENT", limited)
    table = cells(invoke("batch_size", "--seeds", "2", "--sweep", "--quiet").stdout)
    assert [row[0] for row in table if row[1] != "verdict"] == [first.name, second.name, second.name]


def test_several_processes_find_the_same(tiny: Tiny) -> None:
    tiny("batch_size")
    one, two = (invoke("batch_size", "--seeds", "2", "--processes", number, "--quiet").stdout for number in "12")
    assert one == two
    assert "no_effect" in one


def test_an_unknown_experiment_is_refused_in_a_sentence() -> None:
    said = invoke("batch_sice", status=2).stderr
    assert "batch_sice" in said
    assert re.search(r"batch_size, .*wrong_ways\.$", said.strip())


def test_a_dataset_it_makes_no_sense_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "train_all", lambda *_: pytest.fail("nothing must be trained"))
    said = invoke("covariate_shift_dln", "--dataset", "digits", status=2).stderr
    assert "--dataset = digits: covariate_shift_dln makes sense on linear_map." in said


def test_a_folder_that_cannot_be_made_is_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "train_all", lambda *_: pytest.fail("nothing must be trained"))
    assert "/dev/null/x" in invoke("batch_size", "--out", "/dev/null/x", status=2).stderr


def test_data_that_cannot_be_had_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_data(*_: object) -> None:
        raise DatasetError("MNIST is not there; check the network")

    monkeypatch.setattr(MODULE, "train_all", no_data)
    assert "MNIST is not there; check the network" in invoke("batch_size", "--dataset", "mnist", status=1).stderr


def test_the_gallery_keeps_findings(tiny: Tiny, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bnviz.cli.gallery_build.registry", SimpleNamespace(names=lambda _: ("batch_size",)))
    tiny("batch_size")
    folder = tmp_path / "new"
    result = CliRunner().invoke(main, ["gallery", "build", "--no-records", "--quiet", "--folder", str(folder)])
    assert result.exit_code == 0, result.output
    written = read(folder / "findings.json")
    assert [(one.claim, one.setting, one.dataset) for one in written.findings] == [
        (claim, setting, "digits") for setting in ("as by default", "other rate") for claim in ("no_effect", "harmful")
    ]
    assert all(one.seeds == tuple(range(FEWEST_SEEDS)) for one in written.findings)
    assert written.versions.keys() == {"measuring", "torch", "python"}
    assert [path.name for path in folder.iterdir()] == ["findings.json"]
    assert "findings.json" in result.stdout
    assert "4 findings" in result.stdout
