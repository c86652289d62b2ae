"""Benchmarks compare like with like, run, and write what they found; nothing is timed here."""

import copy
import json

import pytest
import torch
from torch import nn

from benchmarks import bare, cases, gpu, overhead, peers, report
from benchmarks.tables import Table, ratios
from bnviz import networks
from bnviz.torch_support.rng import stream
from bnviz.training import train

WITHOUT_FILES = [case for case in cases.CASES if case.config.dataset != "mnist"]
TABLE = Table(
    name="some",
    title="Some",
    about="The text.",
    unit="ratio",
    columns=("one", "other"),
    rows={"first": ((1.0, 3.0, 2.0), (4.0,)), "second": ((0.5, 0.5), ())},
    goals={("first", "other"): "<= 5"},
)


@pytest.mark.parametrize("norm", cases.NORMS)
@pytest.mark.parametrize("case", WITHOUT_FILES, ids=lambda case: case.name)
def test_bare_loop_makes_the_updates_of_train(case: cases.Case, norm: str) -> None:
    config = case.config.model_copy(update={"norm": norm, "steps": 30, "probes": ()})
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
def test_bare_lenet_has_the_parameters_of_ours(norm: str) -> None:
    (config,) = (case.config for case in cases.CASES if case.config.network == "lenet")
    config = config.model_copy(update={"norm": norm})
    theirs = [parameter.shape for layer in bare.lenet(config) for parameter in layer.parameters()]
    ours = networks.build(config, (1, 28, 28), 10, torch.device("cpu"))
    assert theirs == [parameter.shape for parameter in ours.parameters()]


def test_ratios_leave_out_the_first_calls() -> None:
    calls: list[str] = []
    assert len(ratios(lambda: calls.append("ours"), lambda: calls.append("theirs"), pairs=2, times=3)) == 2
    assert calls == ["ours", "theirs", *["ours"] * 3, *["theirs"] * 6, *["ours"] * 3]


def test_table_shows_medians_quartiles_and_gaps() -> None:
    assert TABLE.markdown().splitlines() == [
        "## Some: `python -m benchmarks.some`",
        "",
        "The text.",
        "",
        "| ratio | one | other |",
        "|---|---|---|",
        "| first | 2.00 (1.50 to 2.50) | 4.00; goal <= 5 |",
        "| second | 0.50 (0.50 to 0.50) |  |",
    ]


def test_json_has_every_value() -> None:
    where = report.circumstances()
    data = json.loads(report.as_json(where, [TABLE]))
    assert data["machine"] == where
    (table,) = data["tables"]
    assert table["rows"]["first"] == {"one": [1.0, 3.0, 2.0], "other": [4.0]}
    assert table["goals"] == [{"row": "first", "column": "other", "goal": "<= 5"}]


def test_page_changes_only_between_its_marks() -> None:
    page = f"by hand\n{report.BEGIN}\nold\n{report.END}\nby hand, too\n"
    new = report.with_generated(page, "new")
    assert new == f"by hand\n{report.BEGIN}\nnew\n{report.END}\nby hand, too\n"
    assert f"{report.BEGIN}\nnew\n" in report.with_generated(report.PAGE.read_text(encoding="utf-8"), "new")


@pytest.mark.parametrize("page", ["", report.BEGIN, f"{report.END}{report.BEGIN}", 2 * f"{report.BEGIN}{report.END}"])
def test_page_without_its_two_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="once and in this order"):
        report.with_generated(page, "new")


def test_overhead_has_a_ratio_for_every_column(monkeypatch: pytest.MonkeyPatch) -> None:
    short = cases.Case("short", WITHOUT_FILES[0].config.model_copy(update={"steps": 20, "widths": (8,)}))
    monkeypatch.setattr(cases, "available", lambda: ([short], "no MNIST"))
    whole, *others = overhead.tables(1)
    assert list(whole.rows) == ["short", "short, batch norm"]
    assert all(column[0] > 0 for table in (whole, *others) for row in table.rows.values() for column in row)


def test_peers_measure_what_needs_no_other_package() -> None:
    (table,) = peers.tables(1)
    assert {row for row in table.rows if "deep copies" in row} == {
        f"line of 8, {network}{norm}, deep copies" for network in peers.NETWORKS for norm in ("", ", batch norm")
    }


def test_gpu_benchmark_runs_on_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "available", lambda: (WITHOUT_FILES[:1], "no MNIST"))
    monkeypatch.setattr(gpu, "SIDE", 2)
    monkeypatch.setattr(gpu, "ALONE", 1)
    one, replicas, lines = gpu.tables(2, torch.device("cpu"), steps=3)
    names = [WITHOUT_FILES[0].name + row for row in cases.NORMS.values()]
    assert list(one.rows) == list(replicas.rows) == list(lines.rows) == names
    assert all(len(column) == 2 for table in (replicas, lines) for row in table.rows.values() for column in row)
    assert all([len(column) for column in row] == [2, 0, 0] for row in one.rows.values())  # nothing is captured here
