"""The command line: what it accepts, refuses, prints and saves; real runs of a few steps."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from bnviz import Record, RunConfig, training
from bnviz.cli import main
from bnviz.cli.options import read_config
from bnviz.cli.run_command import run
from bnviz.core import registry
from bnviz.core.config import setting_schemas
from bnviz.datasets import DatasetError
from bnviz.training.batched import training as batched_training

TINY = ("--steps", "4", "--widths", "8,8", "--batch", "20", "--probe-points", "3", "--curve-points", "3")
BASE = RunConfig(steps=4, widths=(8, 8), batch_size=20, probe_points=3, curve_points=3)


def invoke(*arguments: str, status: int = 0, text: str | None = None) -> Result:
    result = CliRunner().invoke(main, arguments, input=text)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result


def test_list_does_not_import_torch() -> None:
    script = (
        "import sys; from bnviz.cli import main; main(['list'], standalone_mode=False); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_module_runs_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "bnviz", "list", "norms"], capture_output=True, text=True, check=True)
    assert "Batch norm" in done.stdout
    assert "Multi-layer perceptron" not in done.stdout


@pytest.mark.parametrize("kind", ["datasets", "norms", "networks", "initialisations", "probes", "experiments"])
def test_list_names_every_plugin(kind: str) -> None:
    printed = invoke("list", kind).stdout
    for name in registry.names(kind):
        assert name in printed
        assert registry.describe(kind, name).label in printed


def test_list_names_broken_plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "norms").mkdir()
    (tmp_path / "norms" / "broken.py").write_text('"""Broken."""\ndef build(:\n')
    monkeypatch.setattr(registry, "PACKAGE_FOLDER", tmp_path)
    printed = invoke("list").stdout
    assert "broken" in printed
    assert "invalid syntax" in printed


def test_every_setting_is_an_option() -> None:
    options = {option.name: option for option in run.params if isinstance(option, click.Option)}
    for name, schema in setting_schemas().items():
        assert "--" + name.replace("_", "-") in options[name].opts
        assert schema["description"] in (options[name].help or "")


def test_short_names_are_those_of_links() -> None:
    options = {option.name: option.opts for option in run.params}
    assert "--lr" in options["learning_rate"]
    assert "--batch" in options["batch_size"]


def test_every_setting_can_be_given_as_text() -> None:
    default = RunConfig()
    given: dict[str, Any] = {}
    for name, value in default.settings().items():
        given[name] = ",".join(map(str, value)) if isinstance(value, tuple) else value if value is True else str(value)
    assert read_config(given) == default


def test_option_of_chosen_plugin_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "run.nc"
    invoke("run", *TINY, "--norm", "lp_batch", "--norm-p", "2", "--out", str(path), "--quiet")
    assert Record.load(path).config == BASE.with_changes(norm="lp_batch", norm_p="2")


def test_option_of_one_compared_norm_is_taken(tmp_path: Path) -> None:
    invoke("run", *TINY, "--compare", "none,noisy_none", "--noise-mean", "1", "--quiet", "--out", str(tmp_path))
    configs = {arm: Record.load(tmp_path / f"{arm}-seed0.nc").config for arm in ("none", "noisy_none")}
    assert configs == {"none": BASE, "noisy_none": BASE.with_changes(norm="noisy_none", noise_mean=1.0)}


def test_option_of_no_chosen_plugin_is_refused() -> None:
    result = invoke("run", *TINY, "--norm", "batch", "--norm-p", "2", "--noise-mean", "1", status=2)
    assert result.stderr.splitlines() == [
        "Error: --norm-p is an option of lp_batch, which no run here uses; choose --norm lp_batch, or leave out "
        "--norm-p.",
        "--noise-mean is an option of noisy_batch and noisy_none, which no run here uses; choose --norm noisy_batch or "
        "--norm noisy_none, or leave out --noise-mean.",
    ]


def test_help_groups_options_by_plugin() -> None:
    sections = invoke("run", "--help").stdout.split("\n\n")
    [noise] = [section for section in sections if section.startswith("Options of --norm noisy_batch and")]
    assert "--noise-mean NUMBER" in noise
    assert "--norm-p" not in noise
    assert [section for section in sections if section.startswith("Options of --init normal:\n  --init-std NUMBER")]
    assert "--norm-p" not in next(section for section in sections if section.startswith("Options:"))


def test_options_override_link_which_overrides_file(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"norm": "batch", "steps": 2, "seed": 1, "widths": [8, 8], "batch_size": 20}))
    link = "http://localhost:8501/activations?seed=2&steps=3&widths=8#top"
    invoke("run", "--json", str(file), "--link", link, "--steps", "4", "--quiet", "--out", str(tmp_path / "run.nc"))
    expected = RunConfig(norm="batch", steps=4, seed=2, widths=(8,), batch_size=20)
    assert Record.load(tmp_path / "run.nc").config == expected


def test_invalid_link_settings_are_reported_and_ignored() -> None:
    result = invoke("run", *TINY, "--link", "?foo=1&lr=fast")
    assert "foo" in result.stderr
    assert "fast" in result.stderr
    assert "finished" in result.stdout


def test_run_prints_summary_and_saves_record(tmp_path: Path) -> None:
    result = invoke("run", *TINY, "--norm", "batch", "--no-norm-affine", "--out", str(tmp_path / "run.nc"))
    record = Record.load(tmp_path / "run.nc")
    assert record.outcome == "finished"
    assert record.config == BASE.with_changes(norm="batch", norm_affine=False)
    for expected in (
        record.config.key,
        "finished after 4 steps",
        f"{record.final('train_loss'):.4g}",
        f"{record.final('final_test_loss'):.4g}",
        f"{record.final('final_test_accuracy'):.4f} on all 297 test images",
        "steps per second",
        "norm=batch&norm_affine=false",
        str(tmp_path / "run.nc"),
    ):
        assert expected in result.stdout
    assert "step 4 of 4" in result.stderr


def test_regression_summary_has_no_accuracy() -> None:
    arguments = ("--dataset", "linear_map", "--network", "deep_linear", "--quiet")
    result = invoke("run", *TINY, *arguments)
    assert "accuracy" not in result.stdout
    assert "test loss" in result.stdout


def test_quiet_prints_no_progress() -> None:
    assert invoke("run", *TINY, "--quiet").stderr == ""


def test_probes_can_be_left_out(tmp_path: Path) -> None:
    invoke("run", *TINY, "--probes", "", "--out", str(tmp_path / "run.nc"))
    assert Record.load(tmp_path / "run.nc").config.probes == ()


def test_diverged_run_is_reported() -> None:
    result = invoke("run", "--activation", "relu", "--lr", "1000", "--steps", "50", "--quiet")
    assert "diverged at step " in result.stdout
    assert "the loss is no longer finite; try a smaller learning rate" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--lr", "-1"), ("lr", "-1")),
        (("--steps", "many"), ("steps", "many")),
        (("--norm", "btch"), ("btch", "noisy_batch")),
        (("--norm", "btch", "--lr", "-1"), ("btch", "lr", "-1")),
        (("--widths", "3,x"), ("widths", "x")),
        (("--init", "best"), ("init", "best", "xavier")),
        (("--network", "lenet"), ("lenet", "digits")),
        (("--compare", "none,btch"), ("btch", "noisy_batch")),
        (("--compare", "none,none"), ("once",)),
        (("--compare", "none,batch", "--norm", "batch"), ("--compare", "--norm")),
        (("--seeds", "0-x"), ("0-x", "0-4")),
        (("--seeds", "4-0"), ("4-0", "rise")),
        (("--seeds", "0-99999999999"), ("1000",)),
        (("--seeds", "9999999999"), ("seed", "9999999999")),
        (("--seeds", "0-" + "9" * 30), ("0-999", "0-4")),
        (("--seeds", "9" * 5000), ("9999", "0-4")),
        (("--seeds", "0-1", "--seed", "2"), ("--seeds", "--seed")),
        (("--json", "-"), ("not JSON",)),
        (("--threads", "0"), ("threads",)),
        (("--out", "/no/such/folder/run.nc"), ("/no/such/folder",)),
        (("--out", "."), ("folder",)),
        (("--out", "/dev/null/x", "--seeds", "0-1"), ("/dev/null/x",)),
        (("--learning-rat", "1"), ("--learning-rate",)),
    ],
)
def test_invalid_arguments_are_refused(
    arguments: tuple[str, ...], said: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "train", lambda _: pytest.fail("nothing must be trained"))
    result = invoke("run", *arguments, status=2, text="{norm")
    for expected in said:
        assert expected in result.stderr


@pytest.mark.parametrize(("text", "said"), [("[1]", "list"), ('{"foo": 1}', "foo"), ('{"norm": 3}', "norm")])
def test_settings_file_with_other_content_is_refused(text: str, said: str) -> None:
    assert said in invoke("run", "--json", "-", status=2, text=text).stderr


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_settings_file_is_read_in_common_encodings(encoding: str) -> None:
    """PowerShell's `>` writes UTF-16, and Windows' editors begin UTF-8 with a byte-order mark."""
    assert read_config({}, io.BytesIO('{"norm": "batch"}'.encode(encoding))) == RunConfig(norm="batch")


def test_settings_file_in_unknown_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_bytes('{"norm": "bätch"}'.encode("cp1252"))
    told = invoke("run", "--json", str(file), status=2).stderr
    assert "is not text in UTF-8; save it as UTF-8" in told
    assert str(file) in told


def test_settings_file_accepts_short_names() -> None:
    file = io.BytesIO(b'{"lr": 2, "batch": 20}')
    assert read_config({}, file) == RunConfig(learning_rate=2, batch_size=20)


def test_setting_under_both_its_names_is_refused() -> None:
    told = invoke("run", "--json", "-", status=2, text='{"lr": 2, "learning_rate": 1}').stderr
    assert "lr and learning_rate" in told


@pytest.mark.parametrize("text", ["[" * 100_000, '{"widths": ' + "[" * 900 + "]" * 900 + "}"])
def test_deeply_nested_file_is_refused_in_a_sentence(text: str) -> None:
    assert "lists in lists" in invoke("run", "--json", "-", status=2, text=text).stderr


def test_missing_dataset_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_data(config: RunConfig) -> Iterator[Any]:
        raise DatasetError("MNIST is not there; check the network")

    monkeypatch.setattr(training, "train", no_data)
    assert "MNIST is not there; check the network" in invoke("run", status=1).stderr


def test_comparison_prints_every_run_and_mean(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    result = invoke("run", *TINY, "--compare", "none,batch", "--seeds", "0-1,5", "--out", str(out))
    names = {f"{arm}-seed{seed}.nc" for arm in ("none", "batch") for seed in (0, 1, 5)}
    assert {path.name for path in out.iterdir()} == names
    rows = [[cell.strip() for cell in line.split("|")] for line in result.stdout.splitlines() if "|" in line]
    assert rows[0] == ["arm", "seed", "outcome", "test accuracy", "test loss", "seconds"]
    assert [row[:2] for row in rows[1:7]] == [[arm, seed] for arm in ("none", "batch") for seed in ("0", "1", "5")]
    assert [row[:2] for row in rows[7:]] == [[arm, word] for arm in ("none", "batch") for word in ("mean", "std")]
    record = Record.load(out / "batch-seed5.nc")
    assert record.config == BASE.with_changes(norm="batch", seed=5)
    assert rows[6][3] == f"{record.final('final_test_accuracy'):.4f}"


def test_batched_seeds_equal_single_runs(tmp_path: Path) -> None:
    """The same table and files; accuracies are alike, as float32 rounds little in four steps."""
    rows = []
    for folder, flags in (("alone", ()), ("together", ("--together",))):
        arguments = (*TINY, "--compare", "none,batch", "--seeds", "0-2", "--out", str(tmp_path / folder), *flags)
        result = invoke("run", *arguments)
        lines = [[cell.strip() for cell in line.split("|")] for line in result.stdout.splitlines() if "|" in line]
        rows.append([line[:4] for line in lines])
        assert "saved 6 of 6 runs" in result.stdout
        assert "step 0 of 4" in result.stderr
    assert rows[0] == rows[1]
    for path in (tmp_path / "alone").iterdir():
        alone, batched = Record.load(path), Record.load(tmp_path / "together" / path.name)
        assert batched.config == alone.config
        np.testing.assert_allclose(batched.data["train_loss"], alone.data["train_loss"], rtol=1e-5)


def test_together_needs_seeds() -> None:
    assert "give --seeds" in invoke("run", *TINY, "--together", status=2).stderr


def test_together_refuses_unsupported_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched_training, "recordable", lambda _: False)
    told = invoke("run", *TINY, "--seeds", "0-1", "--together", status=2).stderr
    assert "--together: network 'mlp' with norm 'none' cannot be trained together" in told


def test_interruption_before_first_frame_prints_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(config: RunConfig) -> Iterator[Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupted)
    result = invoke("run", "--out", str(tmp_path / "run.nc"), status=130)
    assert "before anything was measured" in result.stderr
    assert not (tmp_path / "run.nc").exists()


def test_interruption_keeps_partial_record(tmp_path: Path) -> None:
    """A real process and a real Ctrl-C; the signal's handler is set, because background shells leave it ignored."""
    script = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from bnviz.cli import main; main(sys.argv[1:])"
    )
    out = tmp_path / "runs"
    arguments = ["run", "--steps", "8000", "--widths", "8", "--compare", "none,batch", "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert "step 0 of 8000" in process.stderr.readline()
        assert "of 8000" in process.stderr.readline()  # by now something was measured
        os.kill(process.pid, signal.SIGINT)
        printed, complaints = process.stdout.read(), process.stderr.read()
        assert process.wait(timeout=30) == 130, complaints
    assert [path.name for path in out.iterdir()] == ["none-seed0.nc"]
    record = Record.load(out / "none-seed0.nc")
    assert record.outcome == "stopped"
    assert 0 < record.last_step < 8000
    assert "stopped" in printed
    assert "1 of 2 runs" in printed
    assert "Traceback" not in complaints
