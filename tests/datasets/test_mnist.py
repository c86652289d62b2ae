"""MNIST: the official files where they are at hand, served from loopback, and small generated ones everywhere."""

import contextlib
import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnviz.core import registry
from bnviz.datasets import DatasetError, mnist

if TYPE_CHECKING:
    from tests.datasets.conftest import Generated, Mirror

OFFICIAL = Path(__file__).resolve().parents[2].parent / "shared/data/mnist"
StartMirror = Callable[..., "Mirror"]


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing of the user's cache is read or written."""
    monkeypatch.setenv("BNVIZ_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def served(start_mirror: StartMirror, generated: "Generated", monkeypatch: pytest.MonkeyPatch) -> "Mirror":
    """The only mirror, with the generated files."""
    mirror = start_mirror(generated.contents)
    monkeypatch.setenv("BNVIZ_MNIST_MIRRORS", f" {mirror.address} ,")
    return mirror


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason=f"the official files are not in {OFFICIAL}")
def test_official(start_mirror: StartMirror, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = start_mirror({name: (OFFICIAL / name).read_bytes() for name in mnist.FILES})
    monkeypatch.setenv("BNVIZ_MNIST_MIRRORS", mirror.address)
    data = mnist.load(seed=0)
    assert [request.name for request in mirror.requests] == list(mnist.FILES)
    assert data.train.inputs.shape == (mnist.TRAIN_SAMPLES, *mnist.INPUT_SHAPE)
    assert data.test.inputs.shape == (mnist.TEST_SAMPLES, *mnist.INPUT_SHAPE)
    assert (data.train.labels[0], data.test.labels[0]) == (5, 7)
    per_digit = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.train.labels).tolist() == per_digit
    assert np.bincount(data.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.train.inputs.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    mnist._read.cache_clear()  # 220 MB


def test_generated(served: "Mirror", generated: "Generated") -> None:
    data = mnist.load(0, files=generated.sums)
    for split, part in ((data.train, "train"), (data.test, "t10k")):
        assert (split.inputs.dtype.name, split.labels.dtype.name) == ("float32", "int64")
        np.testing.assert_array_equal(split.inputs, generated.pixels[part][:, None].astype(np.float32) / 255)
        np.testing.assert_array_equal(split.labels, generated.labels[part])
        with pytest.raises(ValueError, match="read-only"):
            split.inputs[0] = 1
    assert mnist.load(1, files=generated.sums) is data
    assert len(served.requests) == 4


def test_binarize(served: "Mirror", generated: "Generated") -> None:
    inputs = mnist.load(0, binarize=True, files=generated.sums).train.inputs
    assert inputs.dtype == np.float32
    assert set(np.unique(inputs)) == {0.0, 1.0}
    assert (inputs[:, 0, 0, :4] == (0, 0, 1, 1)).all()  # grey values 0, 127, 128, 255
    assert mnist.load(0, files=generated.sums).train.inputs[0, 0, 0, 1] == np.float32(127 / 255)


def test_offline(monkeypatch: pytest.MonkeyPatch, refusing: str, own_folder: Path) -> None:
    monkeypatch.setenv("BNVIZ_MNIST_MIRRORS", refusing)
    with pytest.raises(DatasetError) as caught:
        mnist.load(0)
    for words in ("MNIST", refusing, "no connection", "check the network", str(own_folder / "mnist"), *mnist.FILES):
        assert words in str(caught.value)
    assert {path.suffix for path in (own_folder / "mnist").iterdir()} <= {".lock"}


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("images", lambda content: content[:-1], "23519 bytes follow"),
        ("images", lambda content: content + b"x", "23521 bytes follow"),
        ("images", lambda content: b"\x00\x00\x08\x01" + content[4:], "begins with 00000801, which must be 00000803"),
        ("images", lambda content: content[:9], "not an IDX file"),
        ("images", lambda _: b"", "begins with nothing"),
        ("labels", lambda _: b"\x00\x00\x08\x01" + bytes(4), "shape is .0,."),
        ("labels", lambda _: b"\x00\x00\x08\x01\x00\x00\x00\x01\x05", "1 labels up to 5"),
        ("labels", lambda content: content[:-1] + b"\x0a", "30 labels up to 10"),
    ],
)
def test_wrong_content(
    served: "Mirror", generated: "Generated", part: str, change: Callable[[bytes], bytes], message: str
) -> None:
    name = next(name for name in generated.contents if part in name)
    generated.contents[name] = gzip.compress(change(gzip.decompress(generated.contents[name])))
    with pytest.raises(DatasetError, match=message):
        mnist.load(0, files=generated.sums)


@pytest.mark.parametrize(
    "content",
    [b"not packed", gzip.compress(b"x" * 999)[:-9], gzip.compress(b"x")[:10] + b"\xff"],
    ids=["not packed", "cut short", "not a stream"],  # gzip's bytes have the time in them, and names must not differ
)
def test_cannot_be_unpacked(served: "Mirror", generated: "Generated", content: bytes) -> None:
    generated.contents["train-labels-idx1-ubyte.gz"] = content
    with pytest.raises(DatasetError, match="cannot be unpacked"):
        mnist.load(0, files=generated.sums)


@given(st.binary(max_size=40), st.integers(1, 3), st.booleans())
def test_any_bytes_are_parsed_or_refused(content: bytes, dimensions: int, begins_well: bool) -> None:
    if begins_well:
        content = bytes((0, 0, 8, dimensions)) + content
    with contextlib.suppress(DatasetError):
        assert mnist.parse_idx(content, dimensions, "file").tobytes() == content[4 + 4 * dimensions :]


def test_menu() -> None:
    plugin = registry.describe("datasets", "mnist")
    assert plugin.label == "MNIST"
    assert {"INPUT_SHAPE": (1, 28, 28), "CLASSES": 10, "TRAIN_SAMPLES": 60000, "TEST_SAMPLES": 10000}.items() <= (
        plugin.constants.items()
    )
    assert all(len(md5) == len(hashlib.md5().hexdigest()) for md5 in mnist.FILES.values())
