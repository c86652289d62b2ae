"""Planes: what is drawn is the logarithm of the record's loss, and the path lies on it."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from bnviz.analysis import loss_plane
from bnviz.core.number_format import two_digits
from bnviz.figures import plane


def with_loss(record, loss):
    return replace(record, data=record.data.assign(plane_loss=(record.data["plane_loss"].dims, loss)))


@pytest.fixture
def planes(records):
    """Two arms, of which one has ten times the loss."""
    standard = records["standard"]
    return {
        "standard": with_loss(standard, 10 * standard.data["plane_loss"].values),
        "batch norm": records["batch norm"],
    }


def loss_of(record):
    return record.data["plane_loss"].values[-1].astype(float)


def test_contours_and_surfaces_share_a_log_range(planes):
    low, high = loss_plane.limits(planes)
    everything = np.log10(np.concatenate([loss_of(record).ravel() for record in planes.values()]))
    assert low == pytest.approx(everything.min(), rel=1e-5)
    assert high == pytest.approx(np.quantile(everything, 0.98), rel=1e-5)
    for arm, record in planes.items():
        contour, surface = plane.contour(planes, arm), plane.surface(planes, arm)
        for trace in (contour.data[0], surface.data[0]):
            np.testing.assert_allclose(trace.z, np.minimum(np.log10(loss_of(record)), high), rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(trace.customdata, loss_of(record), rtol=1e-4)
            np.testing.assert_array_equal(trace.x, record.data["plane_across_at"][-1])
            np.testing.assert_array_equal(trace.y, record.data["plane_up_at"][-1])
            assert trace.z.dtype == np.float32
        assert (contour.data[0].zmin, contour.data[0].zmax) == (low, high)
        assert (surface.data[0].cmin, surface.data[0].cmax) == surface.layout.scene.zaxis.range == (low, high)
        assert surface.layout.meta["camera"] == "plane"
        assert surface.layout.scene.uirevision == "plane"
        least, most = two_digits(float(loss_of(record).min())), two_digits(float(loss_of(record).max()))
        assert f"from {least} to {most} on" in contour.layout.meta["alt"]
    steps = [plane.contour(planes, arm).data[0].contours.size for arm in planes]
    assert steps[0] == steps[1] > 0


def test_colour_bar_marks_are_losses(planes):
    bar = plane.contour(planes, "standard").data[0].colorbar
    for mark, text in zip(bar.tickvals, bar.ticktext, strict=True):
        assert float(text) == pytest.approx(10**mark, rel=0.06)


def test_path_matches_record_with_both_ends(planes):
    drawn = plane.contour(planes, "standard")
    traces = {trace.name: trace for trace in drawn.data}
    path = planes["standard"].data["plane_path"].values[-1]
    np.testing.assert_array_equal(traces["path of the training"].x, path[:, 0])
    np.testing.assert_array_equal(traces["path of the training"].y, path[:, 1])
    assert (traces["start"].x[0], traces["start"].y[0]) == tuple(path[0])
    assert (traces["end"].x[0], traces["end"].y[0]) == (0, 0)
    assert {note.text for note in drawn.layout.annotations} == {"start", "end"}


def test_surface_customdata_are_losses(planes):
    """Heights are logarithms, and the path is drawn a little above the surface; a CSV has `customdata`."""
    drawn = plane.surface(planes, "standard")
    assert drawn.layout.scene.zaxis.title.text == plane.contour(planes, "standard").data[0].colorbar.title.text
    assert drawn.layout.scene.zaxis.title.text == "loss (nat)"
    surface, line = drawn.data
    assert line.customdata.min() >= surface.customdata.min() > 0
    assert line.customdata.max() <= surface.customdata.max()


def test_path_lies_on_the_surface(planes):
    surface, line = plane.surface(planes, "standard").data
    assert surface.type == "surface"
    low, high = loss_plane.limits(planes)
    record = planes["standard"]
    axes = {
        "plane_up": record.data["plane_up_at"].values[-1],
        "plane_across": record.data["plane_across_at"].values[-1],
    }
    heights = xr.DataArray(np.log10(loss_of(record)), axes, ("plane_up", "plane_across"))
    for x, y, z in zip(line.x, line.y, line.z, strict=True):
        there = float(heights.interp(plane_across=x, plane_up=y))
        assert z - 0.02 * (high - low) == pytest.approx(min(max(there, low), high), abs=1e-4)


def test_short_path_is_one_point(planes):
    record = planes["standard"]
    small = replace(record, data=record.data.assign(plane_path=record.data["plane_path"] * 0.001))
    names = [trace.name for trace in plane.contour({"standard": small}, "standard").data]
    assert "the whole path" in names
    assert not {"start", "end"} & set(names)


def test_path_outside_the_plane_has_no_height(planes):
    record = planes["standard"]
    wide = replace(record, data=record.data.assign(plane_path=record.data["plane_path"] * 3))
    found = loss_plane.last_plane(wide)
    outside = (abs(found.path) > 1).any(axis=1)
    assert 0 < outside.sum() < len(outside)
    np.testing.assert_array_equal(np.isnan(found.heights), outside)


def test_plane_axes_have_titles(run, planes):
    assert "as long as the weights" in plane.contour(planes, "standard").layout.xaxis.title.text
    own = {"standard": run(plane_kind="pca")}
    axes = plane.contour(own, "standard").layout
    assert (axes.xaxis.title.text, axes.yaxis.title.text) == (
        "principal component 1 (83 % of the path)",
        "principal component 2 (11 % of the path)",
    )


def test_infinite_losses_are_left_out_of_a_plane(planes):
    record = planes["standard"]
    loss = record.data["plane_loss"].values.copy()
    loss[-1, 0, 0], loss[-1, 0, 1], loss[-1, 0, 2] = np.inf, np.nan, 0
    found = loss_plane.last_plane(with_loss(record, loss))
    assert np.isnan(found.logarithm[0, :3]).all()
    assert np.isfinite(found.logarithm).sum() == found.logarithm.size - 3
    assert loss_plane.last_plane(with_loss(record, np.full_like(loss, np.inf))) is None
    assert loss_plane.limits({"standard": with_loss(record, np.full_like(loss, np.nan))}) == (-0.5, 0.5)
