"""The versions that are asked for, and those that the suite runs with a second time."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lines(file: Path) -> list[str]:
    """What a file of requirements asks for, without comments."""
    text = file.read_text(encoding="utf-8")
    return [line for line in (each.partition("#")[0].strip() for each in text.splitlines()) if line]


def test_the_second_run_has_the_lower_bound_of_every_range() -> None:
    files = sorted(ROOT.glob("requirements*.txt"))
    asked = {line for file in files for line in lines(file) if not line.startswith("-r")}
    assert len(files) == 3 and all(
        re.fullmatch(r"[\w-]+(>=|==)[\d.]+(; sys_platform != 'win32')?", line) for line in asked
    )
    ranges = {line.replace(">=", "==") for line in asked if ">=" in line}
    assert set(lines(ROOT / ".ci" / "oldest.txt")) == ranges
