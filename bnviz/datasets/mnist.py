"""MNIST.

Handwritten digits, 28 x 28 grey values: 60 000 to learn from and 10 000 to be scored on (LeCun, Cortes & Burges). The
data of Fig. 1 of Ioffe & Szegedy 2015. Downloaded on first use (11 MB) from a public mirror and checked.
"""

# This file knows the official files and their format; how they are brought here is _download.py's business.

import gzip
import math
import os
import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bnviz.datasets import Dataset, DatasetError, Split
from bnviz.datasets._download import Progress, data_folder, fetch

OPTIONS_OF = "digits"

INPUT_SHAPE = (1, 28, 28)
CLASSES = 10
TRAIN_SAMPLES = 60000
TEST_SAMPLES = 10000
BINARIZE_THRESHOLD = 0.5  # Ioffe & Szegedy 2015, Sec. 4.1 says "binary image" and no threshold: half is our choice
FILES = {  # name: md5 of the official file, in the order that _read takes them
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
UNSIGNED_BYTE = 0x08  # the IDX format's code for its element type


def load(seed: int, binarize: bool = False, files: Mapping[str, str] = FILES) -> Dataset:
    """MNIST, downloaded if it is not there yet.

    Inputs are float32 (samples, 1, 28, 28) in [0, 1], 1 being ink, and read-only: a process keeps the last one loaded
    (220 MB) and gives it to everyone who asks.

    Args:
        seed: makes no difference, this is not generated data.
        binarize: 1 where a pixel is at least `BINARIZE_THRESHOLD`, else 0.
        files: names and md5 sums of training images and labels, test images and labels, if not the official ones.

    Raises:
        DatasetError: the files cannot be had or are no such files; the message says what to do.
    """
    return _read(_folder(), binarize, tuple(files.items()))


def download(
    progress: Progress | None = None, files: Mapping[str, str] = FILES, folder: Path | None = None
) -> tuple[Path, ...]:
    """Paths of the files, downloaded if they are not there yet; `progress` is called for one file after another.

    `BNVIZ_MNIST_MIRRORS`, base addresses with commas between, replaces the public mirrors.

    Raises:
        DatasetError: a file cannot be had; the message says what to do.
    """
    chosen = os.environ.get("BNVIZ_MNIST_MIRRORS", "").split(",")
    mirrors = [mirror.strip() for mirror in chosen if mirror.strip()] or MIRRORS
    try:
        return tuple(fetch(name, md5, mirrors, folder or _folder(), progress) for name, md5 in files.items())
    except DatasetError as error:
        raise DatasetError(
            f"MNIST is not there: {error} (MNIST is the {len(files)} files {', '.join(files)})"
        ) from error


def parse_idx(content: bytes, dimensions: int, name: str) -> npt.NDArray[np.uint8]:
    """The array of unsigned bytes in an unpacked IDX file: magic, big-endian sizes, then the values.

    Raises:
        DatasetError: it is not such a file, or not of so many dimensions, or is too short or too long.
    """
    magic = bytes((0, 0, UNSIGNED_BYTE, dimensions))
    header = len(magic) + 4 * dimensions
    if content[:4] != magic or len(content) < header:
        raise DatasetError(
            f"{name} is not an IDX file of unsigned bytes in {dimensions} dimensions: "
            f"it begins with {content[:4].hex() or 'nothing'}, which must be {magic.hex()} and {dimensions} sizes"
        )
    shape = struct.unpack_from(f">{dimensions}I", content, len(magic))
    if 0 in shape or len(content) - header != math.prod(shape):
        raise DatasetError(f"{name} says its shape is {shape}, but {len(content) - header} bytes follow its header")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


@lru_cache(maxsize=1)
def _read(folder: Path, binarize: bool, files: tuple[tuple[str, str], ...]) -> Dataset:
    train_images, train_labels, test_images, test_labels = download(files=dict(files), folder=folder)
    train, test = _split(train_images, train_labels, binarize), _split(test_images, test_labels, binarize)
    return Dataset(train, test, CLASSES)


def _split(image_file: Path, label_file: Path, binarize: bool) -> Split:
    pixels = parse_idx(_unpack(image_file), 3, image_file.name)  # (samples, 28, 28)
    labels = parse_idx(_unpack(label_file), 1, label_file.name).astype(np.int64)  # (samples,)
    if pixels.shape[1:] != INPUT_SHAPE[1:] or len(pixels) != len(labels) or labels.max() >= CLASSES:
        raise DatasetError(
            f"{image_file.name} has {len(pixels)} images of shape {pixels.shape[1:]} and {label_file.name} has "
            f"{len(labels)} labels up to {labels.max()}; as many labels below {CLASSES} as images of shape "
            f"{INPUT_SHAPE[1:]} are needed"
        )
    inputs = pixels[:, np.newaxis].astype(np.float32)  # (samples, 1, 28, 28)
    inputs /= 255  # in place, as below: at this size, touching new memory is what takes the time
    if binarize:
        np.greater_equal(inputs, BINARIZE_THRESHOLD, out=inputs, casting="unsafe")
    inputs.setflags(write=False)
    labels.setflags(write=False)
    return Split(inputs, labels)


def _unpack(file: Path) -> bytes:
    try:
        return gzip.decompress(file.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{file} cannot be unpacked ({error}); delete it, and it is downloaded again") from error


def _folder() -> Path:
    return data_folder() / "mnist"  # a folder of its own: Fashion-MNIST's files have the same names
