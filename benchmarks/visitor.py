"""A visitor without a browser: a real Streamlit session over the websocket, in Streamlit's own messages."""

import asyncio
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

TIMEOUT = 60.0  # seconds for one run of a page
KEPT_RUNS = 2  # a browser forgets cached messages that two runs did not use (server.maxCachedMessageAge)


@dataclass
class Run:
    """One run of a page as the visitor saw it."""

    seconds: float
    nbytes: int
    title: str = ""
    exceptions: list[str] = field(default_factory=list)


class Visitor:
    """One session. ``open`` is the first visit of a page, ``slide`` moves a slider by its label's first word."""

    def __init__(self, port: int, page: str, query: str = "") -> None:
        self.port, self.page, self.query = port, page, query
        self.sliders: dict[str, Any] = {}
        self._values: dict[str, float] = {}
        self._page_hash = ""
        self._cached: dict[str, int] = {}
        self._runs = 0

    async def __aenter__(self) -> Self:
        self._socket = await websockets.connect(
            f"ws://127.0.0.1:{self.port}/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            max_size=None,
            compression=None,
            ping_interval=None,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._socket.close()

    async def open(self) -> Run:
        """The first visit, by the page's own link."""
        return await self._run(page_name=self.page)

    async def slide(self, label: str, value: int) -> Run:
        """Move a slider and wait for the page to be complete again."""
        slider = next(slider for name, slider in self.sliders.items() if name.startswith(label))
        self._values[slider.id] = float(value)
        return await self._run()

    def last(self, label: str) -> int:
        """The last value of a slider."""
        return int(next(slider.max for name, slider in self.sliders.items() if name.startswith(label)))

    async def _run(self, page_name: str = "") -> Run:
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string = self.query
        rerun.page_name = page_name
        rerun.page_script_hash = self._page_hash
        rerun.cached_message_hashes.extend(self._cached)
        rerun.widget_states.SetInParent()
        for identity, value in self._values.items():
            state = rerun.widget_states.widgets.add()
            state.id = identity
            state.double_array_value.data.append(value)
        self._runs += 1
        start = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        run = Run(0.0, 0)
        while not await self._receive(run):
            pass
        run.seconds = time.perf_counter() - start
        return run

    async def _receive(self, run: Run) -> bool:
        """Take in one message; whether it was the last of this run."""
        raw = await asyncio.wait_for(self._socket.recv(), TIMEOUT)
        run.nbytes += len(raw)
        message = ForwardMsg()
        message.ParseFromString(bytes(raw) if not isinstance(raw, str) else raw.encode())
        match message.WhichOneof("type"):
            case "new_session":
                self._page_hash = message.new_session.page_script_hash
            case "navigation":  # which page the frame has chosen: the script alone would be the frame
                self._page_hash = message.navigation.page_script_hash
            case "page_info_changed":
                self.query = message.page_info_changed.query_string
            case "ref_hash":
                self._cached[message.ref_hash] = self._runs
            case "delta":
                if message.metadata.cacheable:
                    self._cached[message.hash] = self._runs
                if message.delta.WhichOneof("type") == "new_element":
                    self._element(message.delta.new_element, run)
            case "script_finished":
                self._cached = {name: at for name, at in self._cached.items() if self._runs - at <= KEPT_RUNS}
                return message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        return False

    def _element(self, element: Any, run: Run) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            run.exceptions.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "heading" and element.heading.tag == "h1":
            run.title = element.heading.body
        elif kind == "slider":
            self.sliders[element.slider.label] = element.slider
            # A browser sends the value of every slider that it shows, moved or not.
            self._values.setdefault(element.slider.id, element.slider.default[0])
