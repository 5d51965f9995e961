"""What an installed wheel must do, run by the Python of a fresh environment, outside the checkout.

    python check_wheel.py CHECKOUT/benchmarks/visitor.py

The visitor is read from the checkout by its path, so that nothing else of the checkout can be imported.
"""

import asyncio
import importlib.util
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib.metadata import files
from pathlib import Path

PORT = 8600
PAGES = {"": "Overview", "attention": "Attention", "glossary": "Glossary"}
PROGRAM = str(Path(sys.executable).with_name("vit-explainer"))


def main(visitor_path: str) -> None:
    """Go through it from the first import to the last page; an assertion says what is wrong."""
    import explainer
    import vit_core

    packages = [Path(str(package.__file__)).parent for package in (vit_core, explainer)]
    assert all(folder.is_relative_to(sys.prefix) for folder in packages), f"not of this environment: {packages}"
    installed = {file.parts[0] for file in files("vit-explainer") or [] if file.parts[0] != ".."}
    own = {name for name in installed if not name.endswith(".dist-info")}
    assert own == {"vit_core", "explainer"}, f"the wheel installs {own}"

    before = contents(packages)
    with tempfile.TemporaryDirectory() as folder:
        model, checkpoint = vit_core.load("embedded")
        assert len(checkpoint.labels) == model.config.num_classes
        for arguments in (["shapes", "Ti/16"], ["doctor", "--names", "attn"], ["train", "--help"], ["kept"]):
            subprocess.run([PROGRAM, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        server = subprocess.Popen([PROGRAM, "app", "--port", str(PORT), "--no-browser"], cwd=folder)
        try:
            wait_for_health(server)
            asyncio.run(open_pages(visitor_path))
        finally:
            server.terminate()
            server.wait(timeout=30)
    assert (made := contents(packages) - before) == set(), f"written into the installed packages: {made}"
    print("the wheel works")


def contents(folders: list[Path]) -> set[tuple[str, int]]:
    """Every file and its size, but what Python compiles."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.suffix != ".pyc" and path.is_file()]
    return {(str(path), path.stat().st_size) for path in paths}


def wait_for_health(server: subprocess.Popen[bytes]) -> None:
    """Until the server answers."""
    for _ in range(240):
        assert server.poll() is None, "the server ended before it answered"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_stcore/health", timeout=2) as answer:
                assert answer.read() == b"ok"
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("the server did not answer within two minutes")


async def open_pages(visitor_path: str) -> None:
    """Three pages, each complete and without a complaint."""
    spec = importlib.util.spec_from_file_location("visitor", visitor_path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["visitor"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    for page, title in PAGES.items():
        async with module.Visitor(PORT, page) as visitor:
            run = await visitor.open()
        assert (run.title, run.exceptions, run.said) == (title, [], []), f"{page}: {run}"


if __name__ == "__main__":
    main(sys.argv[1])
