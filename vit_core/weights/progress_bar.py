"""How far a download is, as one line on standard error: for whoever calls ``load`` and shows nothing else."""

import sys

WIDTH = 30  # characters of the bar


class ProgressBar:
    """A line that is redrawn at every whole percent; call it with the bytes that are here, and those in all."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._shown = ""

    def __call__(self, done: int, total: int | None) -> None:
        """Show how far it is; without a total only the megabytes are shown."""
        if total:
            percent = 100 * done // total
            filled = WIDTH * done // total
            line = f"{self.name} [{'#' * filled}{'.' * (WIDTH - filled)}] {percent:3d} % of {total / 1e6:,.0f} MB"
        else:
            line = f"{self.name} {done / 1e6:,.0f} MB"
        if line != self._shown:
            sys.stderr.write(f"\r{line}")
            sys.stderr.flush()
            self._shown = line

    def close(self) -> None:
        """End the line, if there is one."""
        if self._shown:
            sys.stderr.write("\n")
            self._shown = ""
