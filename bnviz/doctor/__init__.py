"""What may be wrong with an installation: one check after the other, each with a finding and what to do about it.

Looks and tries, but changes and downloads nothing. How findings are shown is `bnviz.cli`'s business.
"""

from collections.abc import Iterator

from bnviz.doctor import content, installation, workers
from bnviz.doctor.check import INSTALL, Check

__all__ = ["Check", "examine"]

INSTALLATION = (installation.python, installation.packages, installation.device, installation.memory)
CONTENT = (content.data, content.charts, content.plugins, content.shipped_runs)
SURROUNDINGS = (installation.browser, installation.variables)


def examine(cluster: bool = True) -> Iterator[Check]:
    """Make all checks, one when it is asked for; `cluster` says whether to start workers, which takes seconds."""
    for part in (*INSTALLATION, *CONTENT, *SURROUNDINGS, *((workers.cluster,) if cluster else ())):
        try:
            yield from part()
        except Exception as error:  # a check that fails is a finding, and the others are still worth knowing
            finding = f"could not be examined: {type(error).__name__}: {error}"
            yield Check(part.__name__, "problem", finding, INSTALL)
