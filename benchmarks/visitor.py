"""A visitor without a browser: a real Streamlit session over the websocket, in Streamlit's own messages."""

import asyncio
import http.client
import json
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

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
    said: list[str] = field(default_factory=list)  # warnings and errors
    refused: str = ""  # why a file was not taken: status and sentence


class Visitor:
    """One session. ``open`` is the first visit of a page, ``slide`` moves a slider by its label's first word."""

    def __init__(self, port: int, page: str, query: str = "") -> None:
        self.port, self.page, self.query = port, page, query
        self.sliders: dict[str, Any] = {}
        self.bound: set[str] = set()  # the parameters of the address that widgets are bound to
        self.boxes: dict[str, str] = {}  # label of a box for files -> its id
        self.popovers: dict[str, str] = {}  # label -> id
        self.steps: dict[str, Any] = {}  # what a page of steps gives to the browser, by its name
        self.errors: list[str] = []  # of packets
        self._session = ""
        self._opened: set[str] = set()
        self._values: dict[str, float] = {}
        self._page_hash = ""
        self._cached: dict[str, int] = {}
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
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
        if self._connection is not None:
            self._connection[1].close()

    async def open(self) -> Run:
        """The first visit, by the page's own link."""
        return await self._run(page_name=self.page)

    async def run_again(self) -> Run:
        """The same page once more, as after a click that changes nothing."""
        return await self._run()

    async def slide(self, label: str, value: int) -> Run:
        """Move a slider and wait for the page to be complete again."""
        slider = next(slider for name, slider in self.sliders.items() if name.startswith(label))
        self._values[slider.id] = float(value)
        return await self._run()

    async def choose(self, page: str, name: str, value: int) -> list[tuple[float, int]]:
        """Choose a layer, head or token on a page of steps: seconds and bytes of each packet that it needs.

        One connection asks for one after the other; a browser has up to six.
        """
        given = self.steps[page]
        choice = given["choice"]
        choice["token"] = given["sizes"]["middle"] if choice["token"] is None else choice["token"]
        choice[name] = value
        packets = []
        for part in given["parts"]:
            if name in part["reads"]:
                chosen = urlencode({key: choice[key] for key in ("picture", "checkpoint", *part["reads"])})
                packets.append(await self._fetch(f"/vit/step/{page}/{part['slug']}/{part['kind']}?{chosen}"))
        return packets

    async def _fetch(self, path: str) -> tuple[float, int]:
        """Seconds from the request to the last byte, and how many came; the connection stays open."""
        if self._connection is None:
            self._connection = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._connection
        start = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT)
        length = int(
            next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split()[1]
        )
        body = await asyncio.wait_for(reader.readexactly(length), TIMEOUT)
        if not head.startswith(b"HTTP/1.1 200"):
            self.errors.append(f"{head.splitlines()[0].decode()}: {body.decode()}")
        return time.perf_counter() - start, length

    async def open_popover(self, label: str) -> Run:
        """Click on a popover and wait for what is in it."""
        self._opened.add(self.popovers[label])
        return await self._run()

    async def drop(self, label: str, name: str, data: bytes) -> Run:
        """Drop a file into the box whose label begins so, and wait for the page that has taken it.

        The server must run without XSRF protection: this visitor has no cookies.
        """
        box = next(identity for shown, identity in self.boxes.items() if shown.startswith(label))
        start = time.perf_counter()
        if refusal := await asyncio.to_thread(self._put, name, data):
            return Run(time.perf_counter() - start, 0, refused=refusal)
        run = await self._run(file=(box, name, len(data)))
        run.seconds = time.perf_counter() - start
        return run

    def _put(self, name: str, data: bytes) -> str:
        start = f'--x\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'.encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.request(
                "PUT",
                f"/_stcore/upload_file/{self._session}/{_file_id(name)}",
                start + data + b"\r\n--x--\r\n",
                {"Content-Type": "multipart/form-data; boundary=x"},
            )
            answer = connection.getresponse()
            return "" if answer.status == 204 else f"{answer.status} {answer.read().decode()}"
        finally:
            connection.close()

    def last(self, label: str) -> int:
        """The last value of a slider."""
        return int(next(slider.max for name, slider in self.sliders.items() if name.startswith(label)))

    async def _run(self, page_name: str = "", file: tuple[str, str, int] | None = None) -> Run:
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
        for identity in self._opened:
            state = rerun.widget_states.widgets.add()
            state.id, state.bool_value = identity, True
        if file is not None:
            state = rerun.widget_states.widgets.add()
            state.id = file[0]
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.file_id, info.name, info.size = _file_id(file[1]), file[1], file[2]
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
                self._session = message.new_session.initialize.session_id or self._session
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
                elif message.delta.add_block.WhichOneof("type") == "popover":
                    popover = message.delta.add_block.popover
                    self.popovers[popover.label] = popover.id
            case "script_finished":
                self._cached = {name: at for name, at in self._cached.items() if self._runs - at <= KEPT_RUNS}
                return message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        return False

    def _element(self, element: Any, run: Run) -> None:
        kind = element.WhichOneof("type")
        if bound := getattr(getattr(element, kind or "", None), "query_param_key", ""):
            self.bound.add(bound)
        if kind == "exception":
            run.exceptions.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "heading" and element.heading.tag == "h1":
            run.title = element.heading.body
        elif kind == "file_uploader":
            self.boxes[element.file_uploader.label] = element.file_uploader.id
        elif kind == "alert":
            run.said.append(element.alert.body)
        elif kind == "bidi_component" and '"parts"' in element.bidi_component.json:
            given = json.loads(element.bidi_component.json)
            self.steps[given["page"]] = given
        elif kind == "slider":
            self.sliders[element.slider.label] = element.slider
            # A browser sends the value of every slider that it shows, moved or not.
            self._values.setdefault(element.slider.id, element.slider.default[0])


def _file_id(name: str) -> str:
    return f"file-{name.encode().hex()[-60:]}"
