"""For all tests: one thread, no time limit on a single example on a busy machine, and no results from earlier tests."""

import os
import sys

import pytest
import torch
from hypothesis import settings

os.environ["BNVIZ_STORE"] = "none"  # also for the apps that tests start; tests of the store name their own
torch.set_num_threads(1)
settings.register_profile("bnviz", deadline=None, max_examples=50, derandomize=True)  # the same examples every time
settings.load_profile("bnviz")


@pytest.fixture(autouse=True)
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest leaves its script behind as `__main__`, and processes that a later test starts would run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
