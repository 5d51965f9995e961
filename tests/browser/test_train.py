"""A run in Chromium: started, watched, reloaded, stopped, resumed, opened in the explainer, deleted, brought back."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from benchmarks.server import Server, running
from tests.browser.conftest import Reader
from vit_core.training.runs import control as runs
from vit_core.training.runs import listing

pytestmark = pytest.mark.browser
OpenReader = Callable[..., Reader]

# Small steps, many of them: there is time to watch, and each save is quick.
RECIPE = "recipe=scratch-small&set_epochs=400&set_image_size=16&set_batch_size=32"
PATIENCE = 240_000  # milliseconds; the process has to import torch on a machine that may be busy


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with a folder of runs of its own; what trains is ended with it."""
    monkeypatch.setenv("VIT_EXPLAINER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VIT_EXPLAINER_CACHE", str(tmp_path / "cache"))
    with running() as fresh:
        yield fresh
    for run in listing.list_runs():
        if runs.stop_run(run):
            ended = time.monotonic() + 60
            while run.is_alive and time.monotonic() < ended:
                time.sleep(0.1)


def test_a_run_is_started_watched_stopped_resumed_and_opened(server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(server)
    page = reader.page
    reader.open(f"train?{RECIPE}")
    page.get_by_label("Name", exact=True).fill("watched")
    page.get_by_label("Name", exact=True).press("Tab")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**runs=watched**", timeout=PATIENCE)
    run = listing.open_run("watched")

    def steps_shown() -> int:
        words = page.locator('[data-testid="stProgress"]').inner_text()
        return int(words.split("step ")[1].split(" of ")[0].replace(",", "")) if "step " in words else 0

    def grown(than: int) -> int:
        page.wait_for_function(
            """than => { const bar = document.querySelector('[data-testid="stProgress"]');
                         const step = bar && /step ([\\d,]+) of/.exec(bar.innerText);
                         return step && Number(step[1].replaceAll(",", "")) > than }""",
            arg=than,
            timeout=PATIENCE,
        )
        return steps_shown()

    # The curve grows without anybody's doing: its text alternative tells of more steps.
    first = grown(3)
    curve = page.get_by_text("Training loss over").first
    curve.wait_for(state="attached", timeout=PATIENCE)
    before = curve.inner_text()
    second = grown(first + 8)
    expect(curve).not_to_have_text(before, timeout=PATIENCE)

    page.reload()
    reader.settle()
    assert "runs=watched" in page.url
    grown(second)
    page.get_by_role("button", name="Open epoch").wait_for(timeout=PATIENCE)

    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Resume").wait_for(timeout=PATIENCE)
    assert run.status == "stopped"
    reader.settle()
    stopped_at = steps_shown()
    page.get_by_role("button", name="Resume").click()
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).wait_for(timeout=PATIENCE)
    grown(stopped_at)

    # While it trains, its latest weights are opened like any others.
    page.get_by_role("button", name="Open epoch").click()
    page.wait_for_selector('h1:has-text("Attention")', timeout=PATIENCE)
    reader.settle()
    assert "checkpoint=run%3Awatched%3A" in page.url
    assert run.is_running
    link = page.url
    reader.open(link.split("/", 3)[3].replace("attention?", "head?", 1))
    for label in run.labels:
        # The bars of the head page name all three classes.
        page.wait_for_function(
            """label => [...document.querySelectorAll('.vit-step-picture')]
                .some(each => (each.shadowRoot?.textContent ?? "").includes(label))""",
            arg=label,
            timeout=PATIENCE,
        )
    assert page.locator('[data-testid="stException"]').count() == 0
    assert reader.errors == []


def test_what_is_typed_last_is_trained_and_a_run_that_is_starting_stops(
    server: Server, open_reader: OpenReader
) -> None:
    reader = open_reader(server)
    page = reader.page
    reader.open("train?recipe=scratch-small&set_image_size=16")
    page.get_by_text("All fields").click()
    page.get_by_label("Epochs", exact=True).fill("3")  # neither Enter nor Tab: the click alone leaves the field
    page.get_by_label("Name", exact=True).fill("typed")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**runs=typed**", timeout=PATIENCE)
    run = listing.open_run("typed")
    assert run.recipe.epochs == 3
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Resume").wait_for(timeout=PATIENCE)
    assert run.status == "stopped"
    assert run.metrics().last_step == 0  # it was stopped while it was starting, not because it was over
    assert page.locator('[data-testid="stException"]').count() == 0
    assert reader.errors == []


def test_a_killed_run_says_so_and_a_deleted_one_comes_back(server: Server, open_reader: OpenReader) -> None:
    reader = open_reader(server, 390, 844, "dark")
    page = reader.page
    reader.open(f"train?{RECIPE}")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**runs=**", timeout=PATIENCE)
    page.get_by_role("button", name="in the explainer").wait_for(timeout=PATIENCE)
    [run] = listing.list_runs()
    os.kill(json.loads((run.path / "process.json").read_text())["pid"], signal.SIGKILL)
    page.get_by_text(f"{run.name} has failed").wait_for(timeout=PATIENCE)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Deleted (1)").wait_for(timeout=PATIENCE)
    assert listing.list_runs() == []
    page.get_by_role("button", name="Deleted (1)").click()
    page.get_by_role("button", name=f"Bring back {run.name}").click()
    page.get_by_text(f"{run.name} has failed").wait_for(timeout=PATIENCE)
    reader.settle()
    widths = page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return [m.scrollWidth, m.clientWidth] }"
    )
    assert widths[0] <= widths[1]
    assert page.locator('[data-testid="stException"]').count() == 0
    assert reader.errors == []
