"""Two tables of positions, of rows and of columns, one of which belongs to another picture."""

from collections.abc import Iterator

from explainer.shapes.diagnosis.case import SIDES, Case, Finding, text
from explainer.shapes.diagnosis.steps import Run, Sizes, Step, padded


def tables(case: Case) -> Iterator[Finding]:
    """A table of rows or of columns of another grid: with a picture of that grid, the model runs."""
    if case.original.failing is None or not case.is_picture:
        return
    first = _find_mismatch(case, case.original, case.original.failing)
    if first is None:
        return
    axis, found = first
    picture, run = _run_with_side(case, case.shape, axis, found)
    if run.failing is not None:  # the other table may be of the same picture
        second = _find_mismatch(case, run, run.failing)
        if second is None or second[0] == axis:
            return
        picture, run = _run_with_side(case, picture, *second)
    score = case.rate(run)
    # Of the grid the other way round, rows and columns may as well have been exchanged.
    if score and picture[2:] != case.shape[:1:-1]:
        yield _grid_finding(case, case.original.failing, axis, found, picture, score)


def _find_mismatch(case: Case, run: Run, step: Step) -> tuple[int, tuple[int, int]] | None:
    """Which side of the grid does not fit, 0 of its rows and 1 of its columns; how many there are, and positions."""
    if step.combined is None:
        return None
    tokens, table = step.combined
    kinds = case.axis_kinds(tokens.source)
    if len(kinds) != len(tokens.sizes) or len(table.sizes) > len(kinds) or not set(SIDES) <= set(kinds):
        return None
    positions = padded(table.sizes, len(kinds))
    of_grid = [axis for axis, kind in enumerate(kinds) if kind and positions[axis] > 1]
    if len(of_grid) != 1 or kinds[of_grid[0]] not in SIDES:
        return None
    axis = of_grid[0]
    side = SIDES.index(kinds[axis])
    across = kinds.index(SIDES[1 - side])
    if positions[axis] == tokens.sizes[axis]:
        return None
    if positions[axis] == tokens.sizes[across] and not _has_positions_along(run, across, len(kinds)):
        return None  # it fits along the other side, that has no positions yet
    return side, (tokens.sizes[axis], positions[axis])


def _has_positions_along(run: Run, across: int, rank: int) -> bool:
    """Whether a table of positions along that axis was added before."""
    return any(
        step.combined and padded(step.combined[1].sizes, rank)[across] == step.output[across] > 1
        for step in run.steps
        if len(step.output) == rank
    )


def _run_with_side(case: Case, picture: Sizes, side: int, found: tuple[int, int]) -> tuple[Sizes, Run]:
    """A picture of as many rows or columns as there are positions, and the model on it."""
    count, positions = found
    sizes = list(picture)
    sizes[2 + side] = picture[2 + side] // count * positions
    return tuple(sizes), case.trials.run(sizes=tuple(sizes))


def _grid_finding(case: Case, step: Step, side: int, found: tuple[int, int], picture: Sizes, score: int) -> Finding:
    table, (count, positions) = step.constant[0], found
    name, what = table.name or "the table of positions", SIDES[side]
    return Finding(
        "positions-of-another-resolution",
        f"{name} {text(table.sizes)} has positions of {positions} {what}; this picture of {case.shape[2]} x "
        f"{case.shape[3]} has {count} {what} of patches",
        f"{count} positions of {what}; or a picture of {picture[2]} x {picture[3]}",
        f"x = torch.nn.functional.interpolate(x, size=({picture[2]}, {picture[3]}))  # or build the model for "
        f"{case.shape[2]} x {case.shape[3]}",
        step.code,
        score,
    )
