"""What a box says is what the server takes: over HTTP, as a browser sends files and as who invents names does."""

from collections.abc import Iterator

import pytest

from benchmarks.server import ROOT, Server, running
from tests.app_files import app_files
from tests.visitors import MEGABYTE, Visitor

APP = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import streamlit as st
from starlette.middleware import Middleware
from explainer.app.server.upload_boxes import UploadLimits
app = st.App("page.py", middleware=[Middleware(UploadLimits)])
"""
PAGE = """
import streamlit as st
from explainer.app.server import upload_boxes

def keep(key):
    st.session_state["sizes"] = [len(each.getvalue()) for each in upload_boxes.take(key)]
    st.session_state["number"] = number + 1

upload_boxes.begin_run()
number = st.session_state.get("number", 0)
if "box" in st.query_params:
    upload_boxes.show_box("Drop", ["pth"], megabytes=2, key=f"box_{number}", on_change=keep, help="Kept.")
st.json({"sizes": st.session_state.get("sizes"), "messages": st.session_state.pop("messages", [])})
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("boxes")
    (folder / "app.py").write_text(APP, encoding="utf-8")
    (folder / "page.py").write_text(PAGE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION", "false")
        patch.setenv("STREAMLIT_SERVER_MAX_UPLOAD_SIZE", "1025")
        with running(folder / "app.py", folder) as server:
            yield server


@pytest.fixture
def visitor(server: Server) -> Iterator[Visitor]:
    visitor = Visitor(server)
    yield visitor
    visitor.socket.close()


def test_a_file_that_fits_comes_and_the_server_lets_go_of_it(visitor: Visitor) -> None:
    for name in ("first", "second", "third"):  # together three times as much as the box takes
        assert visitor.send(2 * MEGABYTE, name) == (204, "")
        visitor.run(name)
        assert visitor.says == {"sizes": [2 * MEGABYTE], "messages": []}
        visitor.run()  # the new box


def test_what_is_larger_is_refused_in_a_sentence(visitor: Visitor) -> None:
    status, said = visitor.send(4 * MEGABYTE, "large")
    assert (status, said) == (413, "The file has 4.0 MB, and the box takes files of at most 2 MB.")
    visitor.run()
    assert visitor.says["messages"] == [said]
    visitor.run()
    assert visitor.says["messages"] == []


def test_what_does_not_say_its_size_is_counted_as_it_comes(visitor: Visitor) -> None:
    status, _ = visitor.send(40 * MEGABYTE, "undeclared", is_declared=False)
    assert status == 413
    visitor.run()
    assert "the box takes files of at most 2 MB" in str(visitor.says["messages"])
    assert visitor.send(2 * MEGABYTE, "fits", is_declared=False)[0] == 204


def test_nobody_fills_the_memory_under_invented_names(visitor: Visitor) -> None:
    statuses = [visitor.send(2 * MEGABYTE, f"invented-{number}")[0] for number in range(8)]
    assert statuses == [204, *[413] * 7]
    tiny = Visitor(visitor.server)
    statuses = [tiny.send(0, f"tiny-{number}")[0] for number in range(8)]
    assert statuses == [204, 204, *[413] * 6]
    tiny.socket.close()


def test_where_there_is_no_box_nothing_is_taken(server: Server, visitor: Visitor) -> None:
    elsewhere = Visitor(server, query="")
    status, said = elsewhere.send(MEGABYTE, "a")
    assert status == 413 and said.startswith("There is no box for files on your page")
    assert visitor.send(MEGABYTE, "a", session="no-such-session")[0] == 413
    elsewhere.socket.close()


def test_a_box_that_the_page_has_no_more_takes_nothing(visitor: Visitor) -> None:
    visitor.query = ""
    for _ in range(3):
        visitor.run()
    assert visitor.send(MEGABYTE, "late")[0] == 413


def test_every_box_of_the_app_is_one_of_these() -> None:
    """A box that is drawn without them would be refused by the server."""
    for name, path in app_files().items():
        if "st.file_uploader(" in path.read_text(encoding="utf-8"):
            assert name == "explainer.app.server.upload_boxes"
