"""For all tests: one thread, and no time limit on a single example on a busy machine."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("bnviz", deadline=None, max_examples=50, derandomize=True)  # the same examples every time
settings.load_profile("bnviz")
