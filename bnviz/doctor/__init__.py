"""Checks of an installation, each with a finding and advice. They change and download nothing."""

from collections.abc import Iterator

from bnviz.doctor import content, installation, workers
from bnviz.doctor.check import INSTALL, Check

__all__ = ["Check", "examine"]

INSTALLATION = (installation.python, installation.packages, installation.device, installation.memory)
CONTENT = (content.data, content.charts, content.plugins, content.shipped_runs)
SURROUNDINGS = (installation.browser, installation.variables)


def examine(cluster: bool = True) -> Iterator[Check]:
    """Run all checks one by one and yield their findings; `cluster` also starts workers, which takes seconds."""
    for part in (*INSTALLATION, *CONTENT, *SURROUNDINGS, *((workers.cluster,) if cluster else ())):
        try:
            yield from part()
        except Exception as error:  # an error is a finding, and the other checks still run
            finding = f"could not be examined: {type(error).__name__}: {error}"
            yield Check(part.__name__, "problem", finding, INSTALL)
