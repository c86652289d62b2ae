"""Digits (8 x 8).

Handwritten digits, 8 x 8 grey values: 1500 to learn from and 297 to be scored on, drawn anew for every seed (Alpaydin &
Kaynak 1998, the test part of the UCI Optical Recognition of Handwritten Digits). Comes with scikit-learn, without a
download, and is small enough to train live.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from bnviz.datasets import Dataset, Split

OPTIONS = {
    "binarize": {
        "type": "boolean",
        "default": False,
        "label": "Black-and-white images (as the paper)",
        "help": "black-and-white images: 1 where a pixel is at least half bright",
    },
}

INPUT_SHAPE = (1, 8, 8)
CLASSES = 10
TRAIN_SAMPLES = 1500
TEST_SAMPLES = 297
BINARIZE_THRESHOLD = 0.5  # our choice, the same as for MNIST
BRIGHTEST = 16  # the largest grey value in the data
SPLIT_SEED = 1502  # of seed 0; any number will do: the first half of Ioffe & Szegedy's arXiv number


def load(seed: int, binarize: bool = False) -> Dataset:
    """Scikit-learn's digits; inputs float32 (samples, 1, 8, 8) in [0, 1], 1 being ink, read-only.

    Args:
        seed: decides the split, so that findings over seeds do not rest on the same 297 test images.
        binarize: 1 where a pixel is at least `BINARIZE_THRESHOLD`, else 0.
    """
    inputs, labels = _images()
    if binarize:
        inputs = (inputs >= BINARIZE_THRESHOLD).astype(np.float32)
    # RandomState, because NumPy promises never to change what it draws (NEP 19); a Generator may change with a release.
    # The files come in order of the writers, and a split in file order would test on other people's hands.
    order = np.random.RandomState(SPLIT_SEED + seed).permutation(len(inputs))
    train, test = (Split(inputs[part], labels[part]) for part in np.split(order, [TRAIN_SAMPLES]))
    for split in (train, test):
        split.inputs.setflags(write=False)
        split.labels.setflags(write=False)
    return Dataset(train, test, CLASSES)


@lru_cache(maxsize=1)
def _images() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """All images, (1797, 1, 8, 8) in [0, 1], and their labels, (1797,), in the order of the file."""
    images, labels = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    return (images / BRIGHTEST).astype(np.float32).reshape(-1, *INPUT_SHAPE), labels.astype(np.int64)
