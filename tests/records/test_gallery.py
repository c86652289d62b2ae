"""The gallery: records that ship with bnviz are found, are what training gives, and are written the same every time."""

import gzip
import os
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bnviz import Comparison, Record, RunConfig
from bnviz.cli import main
from bnviz.cli.parallel_runs import train_on_one_thread
from bnviz.core import presets
from bnviz.records import gallery
from bnviz.training import train

SHIPPED = {
    f"{preset}, {arm}": config
    for preset, comparison in presets.PRESETS.items()
    for arm, config in comparison.configs().items()
}
EARLY = 10  # updates after which processors that round differently still agree
ROUNDING = 1e-9  # what is zero but for it, in double precision: the theorems' residuals
MOST = 0.6  # share of the values that do
TINY = RunConfig(steps=3, widths=(5,), batch_size=20, probe_points=2, curve_points=2)
BUILT = any(gallery.FOLDER.glob(f"*{gallery.SUFFIX}"))
needs_build = pytest.mark.skipif(not BUILT, reason="gallery not built; run: python -m bnviz gallery build")


@pytest.fixture
def record() -> Record:
    return Record.from_frames(TINY, train(TINY))


@needs_build
@pytest.mark.parametrize("name", SHIPPED)
def test_every_preset_run_is_shipped(name: str) -> None:
    found = gallery.find(SHIPPED[name])
    assert found is not None, "presets or measuring version changed; run: python -m bnviz gallery build"
    assert found.outcome == "finished"


@needs_build
def test_only_preset_runs_are_shipped() -> None:
    expected = {gallery.path_of(config) for config in SHIPPED.values()}
    assert set(gallery.FOLDER.glob("*.nc*")) == expected


@needs_build
@pytest.mark.parametrize("name", SHIPPED)
def test_retraining_gives_the_shipped_numbers(name: str) -> None:
    """As far as processors that round differently still agree: most values of each quantity, in the first updates.

    Not every value: at the kinks of ReLU, and forty layers deep, rounding shows in single values from the start.
    """
    config = SHIPPED[name]
    shipped = gallery.find(config)
    assert shipped is not None
    frames = train(config.with_changes(device="cpu"))
    until = 0 if name.startswith("forty_layers") else EARLY  # gradients of 1000: nothing agrees after their update
    again = Record.from_frames(config, takewhile(lambda frame: frame.step <= until, frames))
    assert set(again.data) <= set(shipped.data)
    for quantity in again.data:
        axis = again.data[quantity].dims[0]
        early = shipped.data[quantity].sel({axis: shipped.data[axis] <= until})
        assert again.data[axis].equals(early[axis]), "defaults changed but not the run key; build the gallery again"
        now, then = again.data[quantity].values.astype(np.float64), early.values.astype(np.float64)
        np.testing.assert_array_equal(np.isnan(now), np.isnan(then), err_msg=str(quantity))
        scale = 0.01 * np.abs(then) + 1e-3 * np.nanmax(np.abs(then), initial=0) + ROUNDING
        agree = (np.abs(now - then) <= scale)[~np.isnan(then)]
        assert agree.mean() >= MOST if agree.size else True, quantity


@needs_build
@pytest.mark.parametrize("arm", presets.ACTIVATIONS.arms)
def test_retraining_ends_like_shipped_run(arm: str) -> None:
    config = presets.ACTIVATIONS.configs()[arm]
    shipped = gallery.find(config)
    assert shipped is not None
    final = train_on_one_thread(config).final("final_test_accuracy")
    assert final == pytest.approx(shipped.final("final_test_accuracy"), abs=0.03)


def test_find_returns_saved_record(record: Record, tmp_path: Path) -> None:
    assert gallery.find(TINY, tmp_path) is None
    path = gallery.save(record, tmp_path)
    found = gallery.find(TINY, tmp_path)
    assert found is not None
    assert found.config == TINY
    assert found.outcome == "finished"
    assert found.data.equals(record.data)
    assert gallery.find(TINY, tmp_path) is found
    assert gallery.find(TINY.with_changes(seed=1), tmp_path) is None
    path.unlink()
    assert gallery.find(TINY, tmp_path) is None


def test_saving_is_deterministic(record: Record, tmp_path: Path) -> None:
    first = gallery.save(record, tmp_path).read_bytes()
    assert gallery.save(record, tmp_path).read_bytes() == first
    assert first[4:8] == bytes(4)  # no time of day in gzip's header


@pytest.mark.parametrize("damage", ["cut", "no gzip", "no record", "other run"])
def test_damaged_record_counts_as_missing(damage: str, record: Record, tmp_path: Path) -> None:
    path = gallery.save(record, tmp_path)
    content = {
        "cut": path.read_bytes()[:-100],
        "no gzip": b"hello",
        "no record": gzip.compress(b"hello"),
        "other run": gzip.compress(Record.from_frames(TINY.with_changes(seed=1), []).to_bytes()),
    }
    path.write_bytes(content[damage])
    assert gallery.find(TINY, tmp_path) is None


def test_rebuilt_record_is_read_again(record: Record, tmp_path: Path) -> None:
    path = gallery.save(record, tmp_path)
    before = gallery.find(TINY, tmp_path)
    os.utime(path, ns=(0, 10**18))
    assert gallery.find(TINY, tmp_path) is not before


def test_build_writes_every_arm_and_removes_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    comparison = Comparison(TINY, {"standard": {"norm": "none"}, "batch norm": {"norm": "batch"}})
    monkeypatch.setattr("bnviz.core.presets.PRESETS", {"tiny": comparison})
    (tmp_path / "0123456789abcdef.nc.gz").write_bytes(b"stale")
    (tmp_path / "__init__.py").write_text("")
    result = CliRunner().invoke(main, ["gallery", "build", "--no-verdicts", "--folder", str(tmp_path)])
    assert result.exit_code == 0, result.output
    expected = {f"{config.key}.nc.gz" for config in comparison.configs().values()}
    assert {path.name for path in tmp_path.iterdir()} == {*expected, "__init__.py"}
    assert all(gallery.find(config, tmp_path) for config in comparison.configs().values())
    assert "0123456789abcdef.nc.gz  removed" in result.stdout
    assert " kB  tiny, batch norm: finished after 3 steps" in result.stdout
