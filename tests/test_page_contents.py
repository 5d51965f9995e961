"""What a page must show, held against what is computed: numbers of tensors, proofs, pictures, formulas."""

import ast
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from explainer.app import session
from explainer.app.state import State
from explainer.app.steps.packets import Kind, exact_view
from explainer.app.steps.route import open_moment
from explainer.notation.equations import FORMULAS
from explainer.notation.mathml import mathml
from explainer.notation.written_numbers import in_powers
from explainer.packing import pack
from explainer.proofs import prove
from explainer.stages import STAGES
from explainer.steps.forward_pass import STEPS
from explainer.steps.rendering import linked_markup
from explainer.steps.step import Picture
from explainer.tensors import describe
from tests.app_files import app_files
from tests.test_pages import app, markup, without_links

ROOT = Path(__file__).parents[1]
STEP_FILES = sorted((ROOT / "explainer" / "steps").glob("*.py"))
LAYER = 3


def cells_of(html: str) -> list[list[str]]:
    """The cells of the table of tensors, without tags."""
    [table] = re.findall(r'<table class="vit-tensors">.*?</table>', html)
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>.*?</tr>", table)[1:]]
    return [[unescape(re.sub(r"<[^>]+>", "", cell)) for cell in row] for row in rows]


@pytest.mark.parametrize("page", [page for page in STEPS if page in STAGES])
def test_numbers_of_tensors_and_proofs_are_on_the_page(page: str) -> None:
    stage, html = STAGES[page], markup(app(page, layer=str(LAYER), picture="cat"))
    opened, _ = session.open_session(State(picture="cat", layer=LAYER))
    model, trace, block = opened.model, opened.trace, opened.block
    for reference, cells in zip(stage.tensors, cells_of(html) if stage.tensors else (), strict=True):
        row = describe(model, trace, block, reference, LAYER if stage.uses_layer else 1)
        assert {row.name, row.shape.named} <= set(cells)
        memory = f"{row.bytes:,} B" if row.bytes < 10_000 else r"[\d.,]+ [kM]B"
        assert any(re.fullmatch(memory, cell) for cell in cells), cells
        assert {row.dtype, *(f"{number:.3g}" for number in (row.minimum, row.mean, row.maximum))} <= set(cells)
    text = unescape(re.sub(r"<[^>]+>", "", html))
    for claim in {claim for step in STEPS[page] for claim in step.claims}:
        proof = prove(claim, model, trace, block, LAYER)
        assert (
            f"{proof.equation} holds {in_powers(proof.largest_difference)} over {proof.count:,} numbers, "
            f"tolerance {in_powers(proof.tolerance)}" in text
        )


def calls(path: Path) -> set[str]:
    """Everything that a page's source calls or hands on to be called: ``attention.heads``, ``show_formula``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    given = [each for node in ast.walk(tree) if isinstance(node, ast.Call) for each in (node.func, *node.args)]
    return {ast.unparse(each) for each in given}


def views() -> list[str]:
    """Every public function of explainer/views that makes a view."""
    return [
        f"{path.stem}.{node.name}"
        for path in sorted((ROOT / "explainer" / "views").rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and path.stem != "compose"
        if isinstance(node.returns, ast.Name) and node.returns.id == "View"
    ]


@pytest.mark.parametrize("view", views())
def test_every_picture_is_on_a_page(view: str) -> None:
    """By itself, or as a part of another view."""
    function = view.partition(".")[2]
    inside = [path.read_text(encoding="utf-8") for path in (ROOT / "explainer" / "views").rglob("*.py")]
    is_part = any(
        isinstance(node, ast.Call) and ast.unparse(node.func) in (view, function)
        for source in inside
        for node in ast.walk(ast.parse(source))
    )
    assert is_part or any(view in calls(path) for path in [*app_files().values(), *STEP_FILES])


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("overview", ("pipeline", "prediction")),
        ("patches", ("grid", "filters", "filter_components", "projection")),
        ("embedding", ("sum", "sequence", "similarity")),
        ("attention", ("looks", "attention_norm", "qkv", "scores", "head_output", "joined", "attention_residual")),
        ("mlp", ("mlp_norm", "activations", "gelu", "neurons", "mlp_residual")),
        ("encoder", ("layers_by_heads", "update_sizes", "class_token_path", "logit_lens", "rollout", "distance")),
        ("head", ("representation", "logit_terms", "softmax", "top_classes")),
    ],
)
def test_a_stage_shows_its_own_pictures(page: str, shown: tuple[str, ...]) -> None:
    assert tuple(step.picture.name for step in STEPS[page] if step.picture) == shown


@pytest.mark.parametrize(
    ("page", "formulas"),
    [
        ("patches", ("num_patches", "patchify", "patch_projection")),
        ("attention", ("layer_norm",)),
        ("mlp", ("mlp", "gelu")),
        ("encoder", ("logit_lens", "attention_rollout")),
        ("head", ("head", "softmax_logits")),
    ],
)
def test_formulas_are_on_their_pages_with_the_models_numbers(page: str, formulas: tuple[str, ...]) -> None:
    html = markup(app(page, layer=str(LAYER)))
    config = session.load_model("embedded")[0].config
    for name in formulas:
        formula = FORMULAS[name]
        assert linked_markup(formula) in html
        assert not formula.numbers or mathml(
            formula.with_numbers(config, "light", LAYER), display=True
        ) in without_links(html)


@pytest.mark.parametrize("page", STEPS)
def test_a_picture_depends_on_what_it_says_that_it_reads(page: str) -> None:
    """A packet is the same for everybody with the same choice: nothing else of the choice may be in its bytes."""
    first = {"layer": "2", "head": "2", "token": "20"}
    others = {"layer": "4", "head": "3", "token": "33"}
    if page == "what_if":
        first |= {"changes": "mask=12;heads=3.1:zero"}
        others |= {"changes": "blur=9", "tool": "swap", "first": "7"}
    if page == "compare":
        return  # its pictures depend on all that can be chosen there
    moments = {name: open_moment(page, first | {name: value}) for name, value in others.items()}
    for step in STEPS[page]:
        pictures: dict[Kind, Picture | None] = {"view": step.picture, "result": step.result}
        for kind, picture in pictures.items():
            if picture is None:
                continue
            before = pack(exact_view(step, open_moment(page, first), kind))
            changed = {
                name
                for name, moment in moments.items()
                if pack(replace(exact_view(step, moment, kind), explains=2)) != before
            }
            assert changed == picture.reads | picture.follows, (step.slug, kind)
