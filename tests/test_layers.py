"""Menus, links and records need neither torch nor a screen: what the app's process imports, in a fresh interpreter."""

import subprocess
import sys

import pytest

IMPORTS = """
import bnviz, bnviz.core.comparison, bnviz.core.config, bnviz.core.nonlinearities, bnviz.core.record
import bnviz.core.registry, bnviz.core.measurement_schedule
"""
USE = """
config, problems = bnviz.RunConfig.from_query({"norm": "batch", "network": "lenet", "dataset": "mnist", "lr": "?"})
assert len(problems) == 1 and config.multiply_adds > 0 and config.key
bnviz.Record.from_bytes(bnviz.Record.from_frames(config, []).to_bytes())
"""
SAY = """
import sys
print(*{name.partition(".")[0] for name in sys.modules})
"""


@pytest.mark.parametrize(
    ("program", "heavy"),
    [
        (IMPORTS, {"torch", "streamlit", "plotly", "dask", "distributed", "sklearn"}),
        (IMPORTS + USE, {"torch", "streamlit", "plotly", "sklearn"}),  # xarray's files import dask where it is there
    ],
    ids=["imported", "used"],
)
def test_light_modules_stay_light(program: str, heavy: set[str]) -> None:
    command = [sys.executable, "-c", program + SAY]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr
    loaded = set(answer.stdout.split())
    assert "pydantic" in loaded
    assert not heavy & loaded
