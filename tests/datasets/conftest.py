"""Mirrors on loopback, as real as can be and as faulty as asked for, and small files to serve."""

import gzip
import hashlib
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import numpy.typing as npt
import pytest


@dataclass
class Request:
    """What was asked for, and how much of it went out."""

    name: str
    range: str | None
    sent: int = 0


@dataclass
class Mirror:
    """A web server with some files.

    Modes: good, no_range (ignores Range), wrong_range (answers it from the beginning), breaks_off (half of what was
    asked for), stalls (half, then silence until `go_on` is set), corrupt, missing, marked_gzip (Content-Encoding).
    """

    files: Mapping[str, bytes]
    mode: str = "good"
    delay: float = 0.0
    address: str = ""
    requests: list[Request] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Serve one request in the mirror's mode."""
        request = Request(handler.path.lstrip("/"), handler.headers["Range"])
        self.requests.append(request)
        time.sleep(self.delay)
        body = self.files.get(request.name)
        if body is None or self.mode == "missing":
            handler.send_error(404)
            return
        if self.mode == "corrupt":
            body = bytes(byte ^ 255 for byte in body)
        start = int(request.range[len("bytes=") : -1]) if request.range and self.mode != "no_range" else None
        if start is not None and start >= len(body):
            handler.send_error(416)
            return
        handler.send_response(200 if start is None else 206)
        if start is not None:
            start = 0 if self.mode == "wrong_range" else start
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if self.mode == "marked_gzip":
            handler.send_header("Content-Encoding", "gzip")
        body = body[start:]
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        stops = self.mode in ("breaks_off", "stalls")
        body = body[: len(body) // 2] if stops else body
        request.sent = len(body)  # before it goes out: the test may look as soon as it has arrived
        handler.wfile.write(body)
        if self.mode == "stalls":
            self.go_on.wait(30)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy this machine uses, loopback is reached without it."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def start_mirror() -> Iterator[Callable[..., Mirror]]:
    """Start a mirror with the given files and mode; it ends with the test."""
    servers: list[tuple[ThreadingHTTPServer, Mirror]] = []

    def start(files: Mapping[str, bytes], mode: str = "good", delay: float = 0.0) -> Mirror:
        mirror = Mirror(files, mode, delay)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        mirror.address = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append((server, mirror))
        return mirror

    yield start
    for server, mirror in servers:
        mirror.go_on.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def refusing() -> str:
    """The address of a mirror that is not there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}/"


def idx(values: npt.NDArray[np.uint8]) -> bytes:
    """An IDX file with these values, not packed."""
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


@dataclass
class Generated:
    """Small files in MNIST's format, with what is in them; `sums` are their md5 sums."""

    pixels: dict[str, npt.NDArray[np.uint8]]
    labels: dict[str, npt.NDArray[np.uint8]]
    contents: dict[str, bytes] = field(default_factory=dict)

    @property
    def sums(self) -> dict[str, str]:
        """As mnist.FILES, in its order."""
        return {name: hashlib.md5(content).hexdigest() for name, content in self.contents.items()}


@pytest.fixture
def generated() -> Generated:
    """30 training and 20 test images; the first pixels of each image are around the middle grey."""
    random = np.random.default_rng(0)
    made = Generated({}, {})
    for part, samples in (("train", 30), ("t10k", 20)):
        made.pixels[part] = random.integers(0, 256, (samples, 28, 28), dtype=np.uint8)
        made.pixels[part][:, 0, :4] = (0, 127, 128, 255)
        made.labels[part] = random.integers(0, 10, samples, dtype=np.uint8)
        made.contents[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(idx(made.pixels[part]))
        made.contents[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx(made.labels[part]))
    return made
