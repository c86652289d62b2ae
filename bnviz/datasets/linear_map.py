"""Linear map (regression).

y = A x with a random 10 x 10 matrix A and Gaussian x: what a deep linear network is asked to learn in
Santurkar et al. 2018, Sec. 2.2. There are no classes, so there is no accuracy; the loss is the squared error.
"""

# Generated from the run's seed; it knows nothing of networks.

import numpy as np

from bnviz.datasets import Dataset, Split

INPUT_SHAPE = (10,)
CLASSES = 10  # outputs
TRAIN_SAMPLES = 1000
TEST_SAMPLES = 200
TARGETS = "values"


def load(seed: int) -> Dataset:
    """Draw A, then the inputs, all entries from N(0, 1); inputs and values float32 (samples, 10)."""
    random = np.random.default_rng(seed)
    matrix = random.standard_normal((CLASSES, *INPUT_SHAPE))  # (outputs, inputs)
    splits = []
    for samples in (TRAIN_SAMPLES, TEST_SAMPLES):
        inputs = random.standard_normal((samples, *INPUT_SHAPE))
        splits.append(Split(inputs.astype(np.float32), (inputs @ matrix.T).astype(np.float32)))
    return Dataset(splits[0], splits[1], CLASSES)
