"""Frame and Record: what one run measured, as labelled arrays.

A Frame is what was measured at one step; a Record is a whole run (or what there is of one so far): an xarray.Dataset
with named dimensions, long names, units and sources, saved as one netCDF-3 file. NumPy only: no torch, no pictures.
"""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.io import netcdf_file

from bnviz.core.config import RunConfig

Outcome = Literal["running", "finished", "diverged", "stopped"]
StepAxis = Literal["step", "probe_step"]

NETCDF_3 = b"CDF"
"""How such a file begins. What begins otherwise is not given to the parser, which would unpack gzip of any size."""


@dataclass(frozen=True)
class Measurement:
    """One quantity at one step: its values, named dimensions, and what a figure's axis should say.

    `axis` names the step axis it belongs to: `step` for curves, `probe_step` for what probes measure.
    """

    values: npt.NDArray[Any]
    dims: tuple[str, ...]
    long_name: str
    units: str = "1"
    source: str = ""
    axis: StepAxis = "probe_step"


@dataclass(frozen=True)
class Frame:
    """Everything measured at one step, after `step` updates. `outcome` is `running` in all but a run's last frame."""

    step: int
    values: Mapping[str, Measurement]
    outcome: Outcome = "running"


@dataclass(frozen=True, eq=False)
class Record:
    """One run: its configuration, its measurements and how it ended. Never changed; equal only to itself.

    `data` has the dimensions `step` and `probe_step` (updates done), and as needed `layer` (1 is next to the input),
    `unit`, `quantile` (percent) and `bin`. A unit that a narrower layer lacks is NaN.
    """

    config: RunConfig
    data: xr.Dataset = field(repr=False)
    outcome: Outcome = "running"

    @classmethod
    def from_frames(cls, config: RunConfig, frames: Iterable[Frame]) -> Self:
        """Collect frames, in order of step; works as well on the first few of a run that goes on."""
        collected = list(frames)
        if not collected:
            return cls(config, _nothing())
        columns: dict[str, list[tuple[int, Measurement]]] = {}
        for frame in collected:
            for name, item in frame.values.items():
                columns.setdefault(name, []).append((frame.step, item))
        axes: dict[str, set[int]] = {"step": set(), "probe_step": set()}
        for column in columns.values():
            axes[column[0][1].axis].update(step for step, _ in column)
        variables = {name: _stack(column, sorted(axes[column[0][1].axis])) for name, column in columns.items()}
        lengths = {name: size for one in variables.values() for name, size in one.sizes.items()}
        coordinates: dict[str, Any] = {
            axis: (axis, np.array(sorted(steps), np.int32), {"long_name": "updates done"})
            for axis, steps in axes.items()
        }
        if "quantile" in lengths:
            coordinates["quantile"] = ("quantile", list(config.recorded_percentiles), {"units": "percent"})
        numbered = [name for name in ("layer", "unit") if name in lengths]
        coordinates |= {name: np.arange(1, lengths[name] + 1, dtype=np.int32) for name in numbered}
        data = xr.Dataset(variables, coordinates)
        return cls(config, data, collected[-1].outcome)

    @cached_property
    def nbytes(self) -> int:
        """Of the measurements; added up once, because a server that keeps many asks again and again."""
        return int(self.data.nbytes)

    @cached_property
    def last_step(self) -> int:
        """The last step that anything was measured at; -1 if nothing was yet."""
        axes = [self.arrays[axis] for axis in ("step", "probe_step")]
        return max((int(steps.max()) for steps in axes if steps.size), default=-1)

    @cached_property
    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Every variable's numbers, axes included, not to be written to: what `data[name].values` puts together anew
        each time."""
        return {str(name): variable.values for name, variable in self.data.variables.items()}

    def values(self, quantity: str, **at: float) -> npt.NDArray[Any]:
        """A quantity's numbers, not to be written to; of one layer, unit or the like where `at` names it.

        What `data[quantity].sel(at).values` gives, in a tenth of the time: figures ask for hundreds of these.

        Raises:
            KeyError: there is no such quantity, or nothing of that name in it.
        """
        array = self.arrays[quantity]
        if at:
            names = self.data.variables[quantity].dims
            array = array[tuple(self._place(name, at[name]) if name in at else slice(None) for name in names)]
        return array

    def _place(self, name: str, label: float) -> int:
        places = np.flatnonzero(self.arrays[name] == label)
        if not places.size:
            raise KeyError(f"{name} {label:g}")
        return int(places[0])

    def final(self, name: str) -> float:
        """The last value of a curve, NaN if there is none."""
        array = self.arrays.get(name)
        return float("nan") if array is None or not array.size else float(array[-1])

    def to_bytes(self) -> bytes:
        """The whole record as one netCDF-3 file."""
        described = self.data.assign_attrs(
            title="bnviz run",
            config=self.config.with_active_options().model_dump_json(),
            run_key=self.config.key,
            outcome=self.outcome,
        )
        return bytes(described.to_netcdf(engine="scipy"))

    def save(self, path: str | Path) -> None:
        """Write `to_bytes` to a file."""
        Path(path).write_bytes(self.to_bytes())

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read a record back.

        Raises:
            ValueError: the content is not a record, and why.
        """
        try:
            if not content.startswith(NETCDF_3):
                raise ValueError("it is not a netCDF-3 file")
            with netcdf_file(io.BytesIO(content), mmap=False) as file:
                data = _dataset(file)
            config = RunConfig.model_validate(json.loads(data.attrs["config"])).with_active_options()
            outcome = data.attrs["outcome"]
            if outcome not in get_args(Outcome) or not {"step", "probe_step"} <= data.indexes.keys():
                raise ValueError("it lacks what every record has")
        except Exception as error:  # of any kind: the content is anyone's, and so is what its parsers stumble over
            raise ValueError(f"this is not a bnviz record: {error}") from error
        data.attrs = {}
        return cls(config, data, outcome)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file that `save` wrote; raises as `from_bytes` does, and OSError if there is no such file."""
        return cls.from_bytes(Path(path).read_bytes())


def _dataset(file: netcdf_file) -> xr.Dataset:
    """As `xr.open_dataset` reads it, but with less ado: a server reads one for each result and each page."""
    variables = {
        name: xr.Variable(
            one.dimensions,
            one.data.astype(one.data.dtype.newbyteorder("=")),  # a copy: netCDF has the other byte order
            {label: _text(value) for label, value in one._attributes.items() if label != "_FillValue"},
        )
        for name, one in file.variables.items()
    }
    coordinates = {name: variables.pop(name) for name in [*variables] if name in file.dimensions}
    attributes = {label: _text(value) for label, value in file._attributes.items()}
    return xr.Dataset(variables, coordinates, attributes)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


@cache
def _nothing() -> xr.Dataset:
    axes = {axis: (axis, np.empty(0, np.int32), {"long_name": "updates done"}) for axis in ("step", "probe_step")}
    return xr.Dataset(coords=axes)


def _stack(column: list[tuple[int, Measurement]], steps: list[int]) -> xr.Variable:
    """One variable from a column of measurements; steps without one are NaN."""
    first = column[0][1]
    at = {step: item.values for step, item in column}
    missing = np.full(first.values.shape, np.nan, np.float32) if len(at) < len(steps) else None
    values = np.stack([at.get(step, missing) for step in steps])  # type: ignore[misc]
    attributes = {"long_name": first.long_name, "units": first.units, "source": first.source}
    return xr.Variable((first.axis, *first.dims), values, attributes)
