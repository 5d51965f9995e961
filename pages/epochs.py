"""The same image through a run's saved epochs."""

from explainer.app.blocks import show_head, show_neighbours
from explainer.app.epochs import parts
from explainer.app.links.parameters import fit_choice
from explainer.app.session import current
from explainer.app.train.controls import run_title
from explainer.lessons import LESSONS
from vit_core.training.runs.listing import all_runs

lesson, session = LESSONS["epochs"], current()
show_head(lesson)
runs = {run.name: run for run in all_runs() if run.saved_epochs() or run.status == "damaged"}
for name in ("run", "beside"):
    fit_choice(name, runs, "run with saved epochs", lambda name: run_title(runs[name]))
if runs:
    chosen = parts.choose(runs)
    if any(run.is_alive for run in chosen):
        parts.look_again({run.name: len(run.saved_epochs()) for run in chosen}, chosen)
    if shown := parts.open_runs(chosen):
        parts.check_place(shown)
        parts.show_epochs(shown)
        parts.show_way_in(shown)
else:
    parts.show_nothing()
show_neighbours(lesson)
