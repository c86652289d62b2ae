"""One browser session without a browser: the app over its websocket, with Streamlit's own messages.

It does what Streamlit's front end does as far as the server can tell: it names the messages it has cached, sends every
control that was touched with each request, and answers the app's polling component. It draws nothing, so that thirty
of them leave the machine to the app. Controls are found by their labels.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

SECONDS = 120.0  # the longest wait
PATIENCE = 10.0  # seconds until the polling component asks again, or in spite of a run that does not end
WAIT = 0.02  # seconds between two looks whether a run has ended
EVENTS = "$$STREAMLIT_INTERNAL_KEY_{id}__events"  # the widget that a component's events come from
CACHED_RUNS = 2  # a message unused for so many runs is no longer cached
COMPLETE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
Path = tuple[int, ...]


class SessionError(RuntimeError):
    """The page did not do what it was asked to."""


@dataclass
class _Element:
    """An element or block of the page, its fragment, and the script run that sent it."""

    kind: str
    message: Any
    fragment: str
    run: str


@dataclass
class Session:
    """Call `open` before anything else. All attributes but `url` are to be read only.

    Attributes:
        url: of the server, without a slash at the end.
        errors: error messages that the page showed, each once.
        runs: script runs that have ended, those of fragments included.
    """

    url: str
    errors: dict[str, None] = field(default_factory=dict)
    runs: int = 0
    _page: dict[Path, _Element] = field(default_factory=dict)
    _touched: dict[str, WidgetState] = field(default_factory=dict)
    _cached: dict[str, tuple[ForwardMsg, int]] = field(default_factory=dict)
    _polls: dict[str, tuple[str, "asyncio.Task[None]"]] = field(default_factory=dict)
    _place: dict[str, str] = field(default_factory=dict)
    _run: str = ""
    _waiting: bool = False
    _begun: int = 0
    _fragments: frozenset[str] = frozenset()
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _socket: ClientConnection | None = None
    _reader: "asyncio.Task[None] | None" = None

    async def open(self, page: str, query: str = "") -> float:
        """Go to a page and wait until its script has run once; seconds."""
        began = perf_counter()
        address = f"{self.url.replace('http', 'ws', 1)}/_stcore/stream"
        self._socket = await connect(address, subprotocols=["streamlit"], max_size=None, compression=None)  # type: ignore[list-item]
        self._reader = asyncio.create_task(self._read(self._socket))
        self._place = {"page_name": page, "query_string": query}
        await self._send()
        await self.until(lambda: self.runs > 0)
        return perf_counter() - began

    async def close(self) -> None:
        """Close the socket, as a closed tab does; what was on the page can still be read."""
        for _, asking in self._polls.values():
            asking.cancel()
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            with suppress(asyncio.CancelledError):
                await self._reader

    def link_has(self, setting: str) -> bool:
        """Whether the page's address has a setting, such as `unit=3`."""
        return setting in self._place.get("query_string", "").split("&")

    def texts(self) -> list[str]:
        """The page's Markdown texts, in its order."""
        return [str(element.message.body) for element in self._of_kind("markdown")]

    def has(self, kind: str, label: str) -> bool:
        """Whether the page has a control of this kind (`button`, `number_input`) whose label begins so."""
        return self._control(kind, label) is not None

    async def press(self, label: str) -> float:
        """Press a button and wait for the end of the run that answers; seconds."""
        began, before = perf_counter(), self._begun
        control = self._needed("button", label)
        await self._send(control.fragment, WidgetState(id=control.message.id, trigger_value=True))
        await self.until(lambda: self._begun > before and self._run == "")
        return perf_counter() - began

    async def enter(self, label: str, number: float, answered: Callable[[], bool]) -> float:
        """Enter a number and wait for the end of the run after which the condition holds; seconds."""
        began = perf_counter()
        control = self._needed("number_input", label)
        self._touched[control.message.id] = WidgetState(id=control.message.id, double_value=number)
        await self._send(control.fragment)
        await self.until(answered)
        return perf_counter() - began

    async def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait until the condition holds at the end of a run.

        Raises:
            SessionError: it takes too long, or the connection is lost.
        """
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    if self._reader is None or self._reader.done():
                        raise SessionError("the server closed the connection")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise SessionError(f"the page did not change as expected within {seconds:.0f} s") from None

    def _of_kind(self, kind: str) -> list[_Element]:
        return [self._page[path] for path in sorted(self._page) if self._page[path].kind == kind]

    def _control(self, kind: str, label: str) -> _Element | None:
        return next((one for one in self._of_kind(kind) if one.message.label.startswith(label)), None)

    def _needed(self, kind: str, label: str) -> _Element:
        control = self._control(kind, label)
        if control is None:
            raise SessionError(f"the page has no {kind} {label!r}")
        return control

    async def _send(self, fragment: str = "", trigger: WidgetState | None = None) -> None:
        message = BackMsg()
        request = message.rerun_script
        for name, value in self._place.items():
            setattr(request, name, value)
        request.fragment_id = fragment
        request.cached_message_hashes.extend(self._cached)
        request.widget_states.widgets.extend(self._touched.values())
        if trigger is not None:
            request.widget_states.widgets.append(trigger)
        assert self._socket is not None
        self._waiting = True
        await self._socket.send(message.SerializeToString())

    async def _read(self, socket: ClientConnection) -> None:
        try:
            with suppress(ConnectionClosedError):  # the server has died; `until` raises a SessionError
                async for data in socket:
                    self._receive(ForwardMsg.FromString(data))
        finally:
            self._news.set()

    def _receive(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            known, _ = self._cached[message.ref_hash]
            self._cached[message.ref_hash] = (known, self.runs)
            whole = ForwardMsg()
            whole.CopyFrom(known)
            whole.metadata.CopyFrom(message.metadata)
            message, kind = whole, whole.WhichOneof("type")
        elif message.metadata.cacheable and message.hash:
            self._cached[message.hash] = (message, self.runs)
        if kind == "new_session":
            self._begun += 1
            self._run = message.metadata.run.script_run_id
            self._fragments = frozenset(message.metadata.run.fragment_ids)
        elif kind == "delta":
            self._put(message)
        elif kind == "navigation":
            self._place |= {"page_script_hash": message.navigation.page_script_hash, "page_name": ""}
        elif kind == "page_info_changed":
            self._place["query_string"] = message.page_info_changed.query_string
        elif kind == "session_event" and message.session_event.HasField("script_compilation_exception"):
            self.errors[message.session_event.script_compilation_exception.message] = None
        elif kind == "script_finished" and message.script_finished in COMPLETE:
            self._end_run()

    def _put(self, message: ForwardMsg) -> None:
        delta = message.delta
        content: Any = None
        kind = str(delta.WhichOneof("type"))
        if kind == "new_element":
            kind = str(delta.new_element.WhichOneof("type"))
            content = getattr(delta.new_element, kind)
        self._page[tuple(message.metadata.delta_path)] = _Element(kind, content, delta.fragment_id, self._run)
        if kind == "exception":
            self.errors[f"{content.type}: {content.message}"] = None
        elif kind == "alert" and content.format == Alert.ERROR:
            self.errors[content.body] = None

    def _end_run(self) -> None:
        stale = [path for path, element in self._page.items() if element.run != self._run]
        if self._fragments:  # a fragment's run replaces only what lies in blocks that it has sent again
            sent = {path for path, one in self._page.items() if one.run == self._run and one.kind == "add_block"}
            stale = [path for path in stale if any(path[:length] in sent for length in range(len(path)))]
        for path in stale:
            del self._page[path]
        self.runs += 1
        for name, (known, used) in list(self._cached.items()):
            counts = not self._fragments or known.delta.fragment_id in self._fragments
            if counts and self.runs - used > CACHED_RUNS:
                del self._cached[name]
        self._run = ""
        self._waiting = False
        self._start_polls()
        self._news.set()

    def _start_polls(self) -> None:
        """Start to wait for each polling component that has new data, and stop for those that have gone."""
        everything = [(one, json.loads(one.message.json or "{}")) for one in self._of_kind("bidi_component")]
        polling = [(element, values) for element, values in everything if "look" in values]
        data = {element.message.id: (element, values) for element, values in polling}
        for key in set(self._polls) - set(data):
            self._polls.pop(key)[1].cancel()
        for key, (element, values) in data.items():
            state = json.dumps(values)
            if key in self._polls:
                before, asking = self._polls[key]
                if before == state:
                    continue
                asking.cancel()
            self._polls[key] = (state, asyncio.create_task(self._poll(element, values)))

    async def _poll(self, element: _Element, values: dict[str, Any]) -> None:
        event = json.dumps([{"event": "look", "value": values["look"]}])
        trigger = WidgetState(id=EVENTS.format(id=element.message.id), json_trigger_value=event)
        with suppress(Exception):  # the connection is gone, which the reader reports
            await asyncio.sleep(values["seconds"])
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        while self._waiting:
                            await asyncio.sleep(WAIT)
                await self._send(element.fragment, trigger)
                await asyncio.sleep(PATIENCE)
