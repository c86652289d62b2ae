"""A tab without a browser: one session of the app over the websocket, with Streamlit's own messages.

It does what the browser's part of Streamlit does as far as the server can tell: names the messages it has cached, and
sends every control it has touched with each request; and what bnviz's clock does: asks for its part of the page when
there is time. It draws nothing, so its own work is small. It knows elements and controls, but not what a page means.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from operator import itemgetter
from time import perf_counter
from typing import Any

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

SECONDS = 120.0  # nothing here waits longer
PATIENCE = 10.0  # seconds until clock.js asks again, or in spite of a run that does not end
PAUSE = 0.02  # seconds between its looks whether a run has ended
CLOCK = "bnviz_clock"
INTERNAL = "$$STREAMLIT_INTERNAL_KEY_"  # what the name of a component's events begins with
COMPLETE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class TabError(RuntimeError):
    """The page did not do what it was asked to."""


@dataclass
class _Placed:
    """What stands at one place of the page, the fragment that it belongs to, and the run that put it there."""

    kind: str
    message: Any
    fragment: str
    run: str


@dataclass
class Tab:
    """One session; `open` it before anything else. Attributes but the first are to be read only.

    Attributes:
        url: of the server, without a slash at the end.
        runs: how many runs of the script have ended, fragments included.
        received: bytes.
        errors: what the page said in red, each sentence once.
    """

    url: str
    runs: int = 0
    received: int = 0
    errors: dict[str, None] = field(default_factory=dict)
    _page: dict[tuple[int, ...], _Placed] = field(default_factory=dict)
    _touched: dict[str, WidgetState] = field(default_factory=dict)
    _cached: dict[str, tuple[ForwardMsg, int]] = field(default_factory=dict)
    _cached_age: int = 2
    _clocks: dict[str, tuple[int, "asyncio.Task[None]"]] = field(default_factory=dict)
    _run: str = ""
    _asked: bool = False
    _fragments: frozenset[str] = frozenset()
    _begun: int = 0
    _at: dict[str, str] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _socket: ClientConnection | None = None
    _reader: "asyncio.Task[None] | None" = None

    async def open(self, page: str, query: str = "") -> float:
        """Go to a page and wait until it is there; seconds."""
        began = perf_counter()
        address = f"{self.url.replace('http', 'ws', 1)}/_stcore/stream"
        self._socket = await connect(address, subprotocols=["streamlit"], max_size=None, compression=None)  # type: ignore[list-item]
        self._reader = asyncio.create_task(self._read(self._socket))
        self._at = {"page_name": page, "query_string": query}
        await self._send()
        await self.until(lambda: self.runs > 0)
        return perf_counter() - began

    async def close(self) -> None:
        """Close the socket, as a closed tab does; what was on the page can still be looked at."""
        for part in list(self._clocks):
            self._stop_clock(part)
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            with suppress(asyncio.CancelledError, TabError):
                await self._reader

    @property
    def query(self) -> str:
        """What the page's address has after the question mark."""
        return self._at.get("query_string", "")

    def find(self, kind: str, key: str = "") -> Any | None:
        """The first element of a kind, with a key if one is given, as its protobuf message."""
        found = self._placed(kind, key)
        return found.message if found else None

    def elements(self, kind: str) -> list[Any]:
        """All elements of a kind, in the page's order."""
        return [one.message for one in self._of_kind(kind)]

    async def press(self, key: str) -> float:
        """Press a button, and wait until the script has run with it; seconds."""
        return await self._change("button", key, trigger_value=True)

    async def enter(self, key: str, number: float, shows: Callable[[], bool]) -> float:
        """Enter a number, and wait for the end of the run after which the page `shows` it; seconds."""
        return await self._change("number_input", key, shows, double_value=number)

    async def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait until the condition holds at the end of a run.

        Raises:
            TabError: it takes too long, or the connection is lost.
        """
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    if self._reader is None or self._reader.done():
                        raise TabError("the server closed the connection")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TabError(f"nothing happened within {seconds:.0f} s") from None

    def _of_kind(self, kind: str) -> "list[_Placed]":
        found = [(path, one) for path, one in self._page.items() if one.kind == kind]
        return [one for _, one in sorted(found, key=itemgetter(0))]

    def _placed(self, kind: str, key: str) -> "_Placed | None":
        named = (one for one in self._of_kind(kind) if not key or one.message.id.endswith(f"-{key}"))
        return next(named, None)

    async def _change(
        self, kind: str, key: str, shows: Callable[[], bool] | None = None, **value: bool | float
    ) -> float:
        began = perf_counter()
        place = self._placed(kind, key)
        if place is None:
            raise TabError(f"the page has no {kind} {key!r}")
        state = WidgetState(id=place.message.id, **value)  # type: ignore[arg-type]
        if kind == "button":
            before = self._begun
            await self._send(place.fragment, pressed=state)
            await self.until(lambda: self._begun > before and self._run == "")
        else:
            self._touched[state.id] = state
            await self._send(place.fragment)
            await self.until(shows or (lambda: True))
        return perf_counter() - began

    async def _send(self, fragment: str = "", pressed: WidgetState | None = None) -> None:
        message = BackMsg()
        request = message.rerun_script
        for name, value in self._at.items():
            setattr(request, name, value)
        request.fragment_id = fragment
        request.cached_message_hashes.extend(self._cached)
        request.widget_states.widgets.extend(self._touched.values())
        if pressed is not None:
            request.widget_states.widgets.append(pressed)
        assert self._socket is not None
        self._asked = True
        await self._socket.send(message.SerializeToString())

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                self.received += len(data)
                self._take(ForwardMsg.FromString(data))
        finally:
            self._news.set()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            known, _ = self._cached[message.ref_hash]
            self._cached[message.ref_hash] = (known, self.runs)
            original = ForwardMsg()
            original.CopyFrom(known)
            original.metadata.CopyFrom(message.metadata)
            message, kind = original, known.WhichOneof("type")
        elif message.metadata.cacheable and message.hash:
            self._cached[message.hash] = (message, self.runs)
        if kind == "new_session":
            self._begun += 1
            self._run = message.metadata.run.script_run_id
            self._fragments = frozenset(message.metadata.run.fragment_ids)
            self._cached_age = message.new_session.config.max_cached_message_age or self._cached_age
        elif kind == "delta":
            self._place(message)
        elif kind == "navigation":
            self._at |= {"page_script_hash": message.navigation.page_script_hash, "page_name": ""}
        elif kind == "page_info_changed":
            self._at["query_string"] = message.page_info_changed.query_string
        elif kind == "session_event" and message.session_event.HasField("script_compilation_exception"):
            self.errors[message.session_event.script_compilation_exception.message] = None
        elif kind == "script_finished" and message.script_finished in COMPLETE:
            self._end_run()

    def _place(self, message: ForwardMsg) -> None:
        delta = message.delta
        told: Any = None
        kind = str(delta.WhichOneof("type"))
        if kind == "new_element":
            kind = str(delta.new_element.WhichOneof("type"))
            told = getattr(delta.new_element, kind)
        self._page[tuple(message.metadata.delta_path)] = _Placed(kind, told, delta.fragment_id, self._run)
        if kind == "exception":
            self.errors[f"{told.type}: {told.message}"] = None
        elif kind == "alert" and told.format == Alert.ERROR:
            self.errors[told.body] = None

    def _end_run(self) -> None:
        stale = [path for path, one in self._page.items() if one.run != self._run]
        if self._fragments:  # what is elsewhere stays
            drawn = {path for path, one in self._page.items() if one.run == self._run and one.kind == "add_block"}
            stale = [path for path in stale if any(path[:length] in drawn for length in range(len(path)))]
        for path in stale:
            del self._page[path]
        self.runs += 1
        for name, (known, used) in list(self._cached.items()):
            counts = not self._fragments or known.delta.fragment_id in self._fragments
            if counts and self.runs - used > self._cached_age:
                del self._cached[name]
        self._run = ""
        self._asked = False
        self._wind_clocks()
        self._news.set()

    def _wind_clocks(self) -> None:
        """Start each clock that has new data, and stop those that have left the page, as clock.js does."""
        placed = [one for one in self._of_kind("bidi_component") if one.message.component_name == CLOCK]
        data = [json.loads(one.message.json) for one in placed]
        parts = {told["part"]: one for told, one in zip(data, placed, strict=True)}
        for part in set(self._clocks) - set(parts):
            self._stop_clock(part)
        for told in data:
            if told["part"] in self._clocks and self._clocks[told["part"]][0] == told["look"]:
                continue
            self._stop_clock(told["part"])
            if told["seconds"] is not None and told["asks"] in parts:
                asking = asyncio.create_task(self._ask_again(parts[told["asks"]], told))
                self._clocks[told["part"]] = (told["look"], asking)

    def _stop_clock(self, part: str) -> None:
        if part in self._clocks:
            self._clocks.pop(part)[1].cancel()

    async def _ask_again(self, part: _Placed, told: dict[str, Any]) -> None:
        events = f"{INTERNAL}{part.message.id}__events"
        look = WidgetState(id=events, json_trigger_value=json.dumps([{"event": "look", "value": told["look"]}]))
        with suppress(Exception):  # the connection is gone, which the reader tells
            await asyncio.sleep(told["seconds"])
            while True:
                await self._at_rest()
                await self._send(part.fragment, pressed=look)
                await asyncio.sleep(PATIENCE)

    async def _at_rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while self._asked:
                    await asyncio.sleep(PAUSE)
