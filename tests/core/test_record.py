"""Frame and Record: nothing is lost on the way through messages and files, and a damaged file is refused as such."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from bnviz import Frame, Measurement, Record, RunConfig

CONFIG = RunConfig(widths=(3, 2), norm="batch", steps=8, percentiles=(10.0, 90.0))


def curve(value: float) -> Measurement:
    return Measurement(np.array(value, np.float32), (), "cross-entropy", "nat", "Größe µ, Fig. 1", axis="step")


def widths(value: float) -> Measurement:
    values = np.full((2, 3, 3), value, np.float32)  # (layer, quantile, unit)
    values[1, :, 2] = np.nan
    return Measurement(values, ("layer", "quantile", "unit"), "percentile", "1")


def counts(value: int) -> Measurement:
    return Measurement(np.full((2, 3, 4), value, np.int8), ("layer", "unit", "bin"), "samples in bin")


def frames() -> list[Frame]:
    return [
        Frame(0, {"loss": curve(2.5), "percentile": widths(0), "count": counts(1)}),
        Frame(2, {"loss": curve(1.5)}),
        Frame(5, {"percentile": widths(5), "count": counts(100)}),
        Frame(8, {"loss": curve(0.5), "final": curve(0.25)}, "finished"),
    ]


CONTENT = Record.from_frames(CONFIG, frames()).to_bytes()


@pytest.mark.parametrize("taken", range(5))
def test_whole_and_partial_records_come_back_identical(taken: int) -> None:
    record = Record.from_frames(CONFIG, frames()[:taken])
    again = Record.from_bytes(record.to_bytes())
    xr.testing.assert_identical(again.data, record.data)
    assert {name: item.dtype for name, item in again.data.variables.items()} == {
        name: item.dtype for name, item in record.data.variables.items()
    }
    assert (again.config, again.outcome) == (record.config, record.outcome)
    assert again.outcome == ("finished" if taken == 4 else "running")
    assert again.last_step == record.last_step == (-1, 0, 2, 5, 8)[taken]


def test_axes_are_those_of_their_own_measurements() -> None:
    data = Record.from_frames(CONFIG, frames()).data
    assert list(data["step"]) == [0, 2, 8]
    assert list(data["probe_step"]) == [0, 5]
    assert data["percentile"].dims == ("probe_step", "layer", "quantile", "unit")
    assert list(data["quantile"]) == [10, 50, 90]  # the median is recorded with any
    assert list(data["layer"]) == [1, 2]
    assert list(data["unit"]) == [1, 2, 3]
    assert data["count"].dtype == np.int8
    np.testing.assert_array_equal(data["loss"], [2.5, 1.5, 0.5])
    np.testing.assert_array_equal(data["final"], [np.nan, np.nan, 0.25])


def test_units_that_a_narrower_layer_lacks_stay_nan() -> None:
    data = Record.from_bytes(CONTENT).data
    assert np.isnan(data["percentile"].sel(layer=2, unit=3)).all()
    assert not np.isnan(data["percentile"].sel(layer=2, unit=[1, 2])).any()


def test_attributes_and_unicode_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "läuft.nc"
    Record.from_frames(CONFIG, frames()).save(path)
    data = Record.load(path).data
    assert data["loss"].attrs == {"long_name": "cross-entropy", "units": "nat", "source": "Größe µ, Fig. 1"}
    assert data["percentile"].attrs == {"long_name": "percentile", "units": "1", "source": ""}
    with xr.open_dataset(path, engine="scipy") as plain:  # for those who do not have bnviz
        assert plain.attrs["run_key"] == CONFIG.key
        assert json.loads(plain.attrs["config"]) == CONFIG.model_dump(mode="json")  # all of it: defaults may change
        assert plain.attrs["outcome"] == "finished"
        xr.testing.assert_identical(plain.drop_attrs(deep=False), data)


def test_final_is_the_last_value_and_nan_where_there_is_none() -> None:
    record = Record.from_frames(CONFIG, frames())
    assert record.final("final") == 0.25
    assert np.isnan(record.final("accuracy"))
    assert np.isnan(Record.from_frames(CONFIG, []).final("loss"))


def test_a_step_that_comes_twice_counts_once() -> None:
    """A run that is tried again after its worker died repeats its frames."""
    record = Record.from_frames(CONFIG, frames()[:2] + frames())
    xr.testing.assert_identical(record.data, Record.from_frames(CONFIG, frames()).data)


def test_an_empty_last_frame_says_how_it_ended() -> None:
    record = Record.from_frames(CONFIG, [*frames()[:2], Frame(3, {}, "stopped")])
    assert record.outcome == "stopped"
    xr.testing.assert_identical(record.data, Record.from_frames(CONFIG, frames()[:2]).data)


@given(st.integers(0, len(CONTENT) - 1))
def test_truncated_file_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"^this is not a bnviz record: "):
        Record.from_bytes(CONTENT[:length])


@pytest.mark.filterwarnings("ignore::UserWarning")  # xarray, on dimensions that are now called alike
@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes_are_refused_or_give_a_record(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(CONTENT)
    for place, byte in changes:
        damaged[place] = byte
    try:
        record = Record.from_bytes(bytes(damaged))
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = "this is not a bnviz record: it is one"
        assert isinstance(record.last_step, int)
        assert record.outcome in ("running", "finished", "diverged", "stopped")
    assert refusal.startswith("this is not a bnviz record: ")


@given(st.binary(max_size=200), st.sampled_from([b"", b"CDF\x01", b"CDF\x02", b"\x89HDF\r\n\x1a\n", b"\x1f\x8b\x08"]))
def test_any_other_bytes_are_refused(content: bytes, beginning: bytes) -> None:
    with pytest.raises(ValueError, match=r"^this is not a bnviz record: "):
        Record.from_bytes(beginning + content)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"config": "{}"},
        {"config": "{}", "outcome": "won"},
        {"config": '{"steps": 0}', "outcome": "finished"},
        {"config": "[" * 100_000, "outcome": "finished"},
        {"config": 3, "outcome": "finished"},
    ],
    ids=["none", "no outcome", "outcome", "config", "nested", "number"],
)
def test_other_netcdf_files_are_refused(attributes: dict[str, str | int]) -> None:
    coordinates = {axis: np.arange(2) for axis in ("step", "probe_step")}
    content = bytes(xr.Dataset(coords=coordinates, attrs=attributes).to_netcdf(engine="scipy"))
    with pytest.raises(ValueError, match=r"^this is not a bnviz record: "):
        Record.from_bytes(content)


def test_a_file_without_step_axes_is_refused() -> None:
    attributes = {"config": "{}", "outcome": "finished"}
    content = bytes(xr.Dataset({"a": ("b", [1])}, attrs=attributes).to_netcdf(engine="scipy"))
    with pytest.raises(ValueError, match="it lacks what every record has"):
        Record.from_bytes(content)


def test_packed_files_are_not_unpacked() -> None:
    with pytest.raises(ValueError, match="not a netCDF-3 file"):
        Record.from_bytes(gzip.compress(CONTENT))


@pytest.mark.parametrize("of_file", [False, True])
@pytest.mark.parametrize(
    ("quantity", "at"),
    [
        ("loss", {}),
        ("percentile", {}),
        ("percentile", {"layer": 2}),
        ("percentile", {"quantile": 90.0, "layer": 1}),
        ("count", {"unit": 3, "layer": 2}),
        ("percentile", {"unit": 2, "probe_step": 5}),
    ],
)
def test_values_are_what_selecting_by_labels_gives(quantity: str, at: dict[str, float], of_file: bool) -> None:
    record = Record.from_bytes(CONTENT) if of_file else Record.from_frames(CONFIG, frames())
    found = record.values(quantity, **at)
    np.testing.assert_array_equal(found, record.data[quantity].sel(at).values)
    assert found.dtype == record.data[quantity].dtype


@pytest.mark.parametrize(("quantity", "at"), [("nothing", {}), ("percentile", {"layer": 3}), ("count", {"unit": 0})])
def test_values_of_what_is_not_there_are_refused(quantity: str, at: dict[str, float]) -> None:
    with pytest.raises(KeyError):
        Record.from_bytes(CONTENT).values(quantity, **at)
