"""Blobs in two regions (2-D).

Two classes in the plane, in two subsets that lie in different regions: the red rose buds on the left, all roses on the
right, each with flowers that are no roses. One curve separates the classes in both, but it rises through the one and
falls through the other, so a mini-batch of one subset alone says nothing of the other: covariate shift one can see.
"""

# Generated; it knows nothing of mini-batches: who wants them from one subset at a time looks at `subset`.

import numpy as np
import numpy.typing as npt

from bnviz.datasets import Dataset, Split

INPUT_SHAPE = (2,)
CLASSES = 2
TRAIN_SAMPLES = 1000
TEST_SAMPLES = 500
SUBSETS = ("red rose buds", "all roses")  # subset 0, subset 1
CENTRES = (-1.5, 1.5)  # horizontal position of each subset; its vertical position is on the boundary
SPREAD = 0.7  # standard deviation of a subset, in both directions, before it is cut into its two classes
MARGIN = 0.2  # least vertical distance from the boundary: the classes can be separated without an error
LIMIT = 3.0  # no coordinate is larger: the plane's axes


def boundary(horizontal: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Height of the curve between the classes, 1 - x^2 / 2: class 1 (roses) is above it, class 0 below."""
    return 1.0 - np.square(np.asarray(horizontal, dtype=np.float64)) / 2.0


def load(seed: int) -> Dataset:
    """Draw the points; inputs float32 (samples, 2) in [-3, 3], subsets and classes in equal numbers, shuffled.

    Args:
        seed: decides the draw, of training and of test points.
    """
    random = np.random.default_rng(seed)
    return Dataset(_draw(TRAIN_SAMPLES, random), _draw(TEST_SAMPLES, random), CLASSES)


def _draw(samples: int, random: np.random.Generator) -> Split:
    groups = [(subset, label) for subset in range(len(SUBSETS)) for label in range(CLASSES)]
    each = samples // len(groups)
    inputs = np.concatenate([_group(CENTRES[subset], label, each, random) for subset, label in groups])
    subsets, labels = np.repeat(np.array(groups, dtype=np.int64), each, axis=0).T
    order = random.permutation(samples)
    return Split(inputs[order].astype(np.float32), labels[order], subsets[order])


def _group(centre: float, label: int, samples: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Points of one class in one subset: a normal distribution, of which one side of the boundary is kept."""
    kept = np.empty((0, 2))
    while len(kept) < samples:
        points = random.normal((centre, float(boundary(centre))), SPREAD, size=(4 * samples, 2))
        above = points[:, 1] - boundary(points[:, 0])
        belongs = (above >= MARGIN) if label == 1 else (above <= -MARGIN)
        inside = (np.abs(points) <= LIMIT).all(axis=1)
        kept = np.concatenate([kept, points[belongs & inside]])
    return kept[:samples]
