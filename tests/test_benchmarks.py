"""Benchmarks compare like with like, and write what they found; nothing is timed here."""

import copy
import json

import pytest
import torch
from torch import nn

from benchmarks import bare, cases, gpu, report
from benchmarks.tables import Table
from bnviz import networks
from bnviz.torch_support.rng import stream
from bnviz.training import train

WITHOUT_FILES = [case for case in cases.CASES if case.config.dataset != "mnist"]


@pytest.mark.parametrize("norm", cases.NORMS)
@pytest.mark.parametrize("case", WITHOUT_FILES, ids=lambda case: case.name)
def test_the_bare_loop_makes_the_updates_of_train(case: cases.Case, norm: str) -> None:
    config = case.config.with_changes(norm=norm, steps=30, probes=())
    network, inputs, labels = bare.prepare(config)
    ours = copy.deepcopy(network)
    bare.loop(config, network, inputs, labels, stream(config.seed, "order"))
    *_, last = train(config, nn.Sequential(nn.Flatten(), ours))
    test = bare.tensors(config, bare.datasets.load(config.dataset, config.seed).test)
    assert last.outcome == "finished"
    assert bare.score(network, *test)[0] == pytest.approx(float(last.values["final_test_loss"].values), rel=1e-4)
    for theirs, mine in zip(network.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(theirs, mine)


@pytest.mark.parametrize("norm", cases.NORMS)
def test_the_bare_lenet_has_the_layers_of_bnvizs(norm: str) -> None:
    (config,) = (case.config for case in cases.CASES if case.config.network == "lenet")
    config = config.with_changes(norm=norm)
    theirs = [parameter.shape for layer in bare._lenet(config) for parameter in layer.parameters()]
    ours = networks.build(config, (1, 28, 28), 10, torch.device("cpu"))
    assert theirs == [parameter.shape for parameter in ours.parameters()]


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_a_shortened_run_looks_at_as_large_a_share_of_its_updates(case: cases.Case) -> None:
    short = cases.Shortened(case.config, 4)
    between = short.config.steps - 1
    share = (cases.looks(short.config) - 2) / between
    assert share == pytest.approx((cases.looks(case.config) - 2) / (case.config.steps - 1), rel=0.01)
    assert short.whole(cases.Seconds(3.0, between / 100, 5.0)) == pytest.approx(8 + (case.config.steps - 1) / 100)
    assert cases.Shortened(case.config, 1).config == case.config


TABLE = Table(
    name="some",
    title="Some",
    about="What it is.",
    unit="ratio",
    columns=("one", "other"),
    rows={"first": ((1.0, 3.0, 2.0), (4.0,)), "second": ((0.5, 0.5), ())},
    goals={("first", "other"): "<= 5"},
)
MACHINE = report.Machine("2026-01-02", "abcdef0", 2, "a processor", 8000, "Linux", {"torch": "2"})


def test_a_table_shows_medians_with_quartiles_single_values_and_gaps() -> None:
    assert TABLE.markdown().splitlines() == [
        "## Some: `python -m benchmarks.some`",
        "",
        "What it is.",
        "",
        "| ratio | one | other |",
        "|---|---|---|",
        "| first | 2.00 (1.50 to 2.50) | 4.00; goal <= 5 |",
        "| second | 0.50 (0.50 to 0.50) |  |",
    ]


def test_the_json_has_every_value() -> None:
    data = json.loads(report.as_json(MACHINE, [TABLE]))
    assert data["machine"] == vars(MACHINE)
    (table,) = data["tables"]
    assert table["rows"]["first"] == {"one": [1.0, 3.0, 2.0], "other": [4.0]}
    assert table["goals"] == [{"row": "first", "column": "other", "goal": "<= 5"}]


def test_only_what_is_between_the_marks_is_written_anew() -> None:
    page = f"by hand\n{report.BEGIN}\nold\n{report.END}\nby hand, too\n"
    new = report.with_generated(page, report.generated(MACHINE, [TABLE]))
    assert new.startswith(f"by hand\n{report.BEGIN}\nMeasured on 2026-01-02 at commit `abcdef0` with 2 cores")
    assert new.endswith(f"|  |\n{report.END}\nby hand, too\n")
    assert "old" not in new
    assert report.with_generated(new, report.generated(MACHINE, [TABLE])) == new


@pytest.mark.parametrize("page", ["", report.BEGIN, f"{report.END}{report.BEGIN}", 2 * f"{report.BEGIN}{report.END}"])
def test_a_page_without_its_two_marks_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="once and in this order"):
        report.with_generated(page, "new")


def test_the_page_has_its_marks() -> None:
    report.with_generated(report.PAGE.read_text(encoding="utf-8"), "new")


def test_this_machine_is_known() -> None:
    machine = report.this_machine()
    assert machine.processor
    assert machine.memory > 100
    assert set(machine.versions) == {"Python", *report.PACKAGES}


def test_the_gpu_s_benchmark_runs_on_a_processor_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "available", lambda: (WITHOUT_FILES[:1], "no MNIST"))
    monkeypatch.setattr(gpu, "SEEDS", 1)
    one, replicas, lines = gpu.tables(2, torch.device("cpu"), steps=3)
    assert (
        list(one.rows)
        == list(replicas.rows)
        == list(lines.rows)
        == [WITHOUT_FILES[0].name + row for row in cases.NORMS.values()]
    )
    assert all(len(column) == 2 for table in (replicas, lines) for row in table.rows.values() for column in row)
    assert all([len(column) for column in row] == [2, 0, 0] for row in one.rows.values())  # nothing is captured here
