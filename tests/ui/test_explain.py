"""What can be taken away from a page is what was measured."""

import pytest
from streamlit.testing.v1 import AppTest

from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.training import train

TINY = RunConfig(widths=(6, 4), steps=12, batch_size=20, test_samples=30, probe_points=6, curve_points=5)


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    configs = {name: TINY.model_copy(update={"norm": norm}) for name, norm in (("standard", "none"), ("bn", "batch"))}
    return {name: Record.from_frames(config, train(config)) for name, config in configs.items()}


@pytest.mark.parametrize("names", [("activations",), ("covariate_shift", "gradient_flow")])
def test_the_sources_shown_are_the_files(names):
    def script(names):
        from bnviz.ui import explain

        explain.probe_source(*names)

    at = AppTest.from_function(script, args=(names,)).run()
    assert not at.code, "it is closed"
    at.session_state["probe-source"] = True  # an expander's value is whether it is open
    at.run()
    assert not at.exception
    shown = [code.value.rstrip("\n") for code in at.code]
    assert shown == [registry.source("probes", name).rstrip("\n") for name in names]
    assert {code.language for code in at.code} == {"python"}


def test_downloads_are_the_record_of_each_arm_the_curves_and_the_pages_own_tables(records, tmp_path):
    paths = []
    for number, record in enumerate(records.values()):
        paths.append(str(tmp_path / f"{number}.nc"))
        record.save(paths[-1])

    def script(paths):
        from functools import partial

        from bnviz.analysis.csv_tables import unit_table
        from bnviz.core.record import Record
        from bnviz.ui import explain

        records = dict(zip(("standard", "batch norm"), map(Record.load, paths), strict=True))
        table = ("unit.csv", partial(unit_table, layer=2, unit=3))
        explain.take_away("page", records, {"Unit 3 of layer 2 (CSV)": table})

    at = AppTest.from_function(script, args=(paths,)).run()
    assert not at.exception
    labels = [button.label for button in at.get("download_button")]
    assert labels == ["Record of standard", "Record of batch norm", "Curves (CSV)", "Unit 3 of layer 2 (CSV)"]
