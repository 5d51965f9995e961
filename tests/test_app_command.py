"""``vit-explainer app``: the app served from any folder, and what is asked wrongly."""

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from benchmarks.server import free_port
from explainer.__main__ import main
from explainer.app.server.shell import STYLE

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "8_600"])
def test_a_wrong_port_is_refused_in_a_sentence(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["app", f"--port={port}"]) == 2
    assert f"a port is a whole number from 1 to 65535, not {port!r}" in capsys.readouterr().err


def test_it_is_among_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert {"app", "shapes", "doctor", "train", "kept"} <= {
        line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")
    }


def test_it_answers_on_this_machine_from_another_folder(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "explainer", "app", "--port", str(port), "--no-browser"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        for _ in range(240):
            assert server.poll() is None
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                    assert answer.read() == b"ok"
                    break
            except OSError:
                time.sleep(0.25)
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Accept": "text/html"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            page = answer.read().decode()
        assert STYLE.read_text(encoding="utf-8") in page  # completed by explainer/app/server/shell.py
    finally:
        server.terminate()
        server.wait(timeout=30)
