"""A hostile picture costs one sentence or a reduced picture: 300 MB and 5 s at most, and all goes on afterwards."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hostile_pictures import HOSTILE_PICTURES

ROOT = Path(__file__).parents[1]
MOST_BYTES = 300e6  # of one picture, this process and the one that reads it for it taken together
MOST_LEFT = 40e6  # beside the picture, when it has been read: small pieces, and what a library keeps for the next one
MOST_SECONDS = 5.0 + 1.5  # of a processor: the bound, and starting and ending a process on a slow machine

# Reads and preprocesses every picture in a fresh process, and writes what came of it, the seconds of a processor, and
# how far the memory rose: the peak of this process, which the system counts and forgets on request, and of those it
# started.
READ_ALL = """
import json, resource, sys, threading, time
from pathlib import Path

from vit_core.pictures import PictureError, open_picture
from vit_core.preprocess import Preprocess

def resident(process, field):
    try:
        lines = open(f"/proc/{process}/status").read().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), 0)

def seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)

def watch():
    global of_children
    while True:
        for task in Path("/proc/self/task").iterdir():
            try:
                children = (task / "children").read_text().split()
                commands = {child: Path(f"/proc/{child}/cmdline").read_text() for child in children}
            except OSError:
                continue
            for child, command in commands.items():  # between fork and exec a process still is this one
                if "\\0-P\\0" in command:
                    of_children = max(of_children, resident(child, "VmHWM"))
        time.sleep(0.002)

of_children = 0
threading.Thread(target=watch, daemon=True).start()
ways = (Preprocess(), Preprocess(interpolation="bilinear-no-antialias"))
for name in json.load(sys.stdin):
    data = (Path(sys.argv[1]) / name).read_bytes()
    Path("/proc/self/clear_refs").write_text("5")
    before, of_children, start, opened, left = resident("self", "VmRSS"), 0, seconds(), 0.0, 0
    try:
        picture = open_picture(data)
        opened = seconds() - start
        said = "x".join(map(str, picture.size))
        left = resident("self", "VmRSS") - before - 4 * picture.width * picture.height
        for way in ways:
            way(picture)
        picture = None
    except PictureError as error:
        said = str(error)
    used = seconds() - start
    print(json.dumps({"name": name, "said": said, "seconds": used, "opened": opened or used, "left": left,
                      "bytes": max(0, resident("self", "VmHWM") - before) + of_children}), flush=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in HOSTILE_PICTURES.items():
        (folder / name).write_bytes(make())
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("this system does not count a process's highest memory in a way that can be set back")
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(folder)],
        input=json.dumps(list(HOSTILE_PICTURES)),
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}


def test_there_are_eighty() -> None:
    assert len(HOSTILE_PICTURES) >= 80


@pytest.mark.parametrize("name", HOSTILE_PICTURES)
def test_bounded_and_one_clear_sentence(name: str, report: dict[str, Any]) -> None:
    read = report[name]
    assert re.search(HOSTILE_PICTURES[name][1], read["said"]), read
    assert "\n" not in read["said"] and len(read["said"]) < 300
    assert read["bytes"] < MOST_BYTES, read
    assert read["opened"] < MOST_SECONDS, read
    assert read["left"] < MOST_LEFT, read
