"""Sessions of a server without a browser: they speak Streamlit's protocol, and send files as they like."""

import http.client
import json
from contextlib import suppress
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from benchmarks.server import Server

MEGABYTE = 2**20


class Visitor:
    """A session without a browser."""

    def __init__(self, server: Server, query: str = "box=1") -> None:
        self.server, self.query = server, query
        self.socket: ClientConnection = connect(
            f"{server.url.replace('http', 'ws')}/_stcore/stream",
            subprotocols=["streamlit"],
            origin=None,  # type: ignore[list-item, arg-type]
            max_size=None,
        ).__enter__()
        self.session = self.box = ""
        self.says: dict[str, object] = {}
        self.run()

    def run(self, *files: str) -> None:
        """Run the page, with files that have come for its box."""
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.widget_states.SetInParent()
        if files:
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id = self.box
            for file in files:
                info = widget.file_uploader_state_value.uploaded_file_info.add()
                info.file_id, info.name = file, "weights.pth"
        self.socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(self.socket.recv(timeout=120))  # type: ignore[arg-type]
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                self.session = answer.new_session.initialize.session_id or self.session
            elif kind == "delta" and answer.delta.new_element.WhichOneof("type") == "file_uploader":
                self.box = answer.delta.new_element.file_uploader.id
            elif kind == "delta" and answer.delta.new_element.WhichOneof("type") == "json":
                self.says = json.loads(answer.delta.new_element.json.body)
            elif kind == "script_finished":
                return

    def send(self, size: int, name: str, is_declared: bool = True, session: str = "") -> tuple[int, str]:
        """Send a file under a name of the visitor's own; the status and the sentence."""
        start = b'--x\r\nContent-Disposition: form-data; name="f"; filename="weights.pth"\r\n\r\n'
        parts = [start, *[bytes(MEGABYTE // 4)] * (size * 4 // MEGABYTE), b"\r\n--x--\r\n"]
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        if is_declared:
            headers["Content-Length"] = str(sum(map(len, parts)))
        connection = http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=120)
        path = f"/_stcore/upload_file/{session or self.session}/{name}"
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was there, with an answer
                connection.request("PUT", path, iter(parts), headers, encode_chunked=not is_declared)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionResetError:
            return 413, "the connection was closed"
        finally:
            connection.close()
