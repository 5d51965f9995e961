"""What a page must show, held against what is computed: numbers of tensors, proofs, pictures, formulas."""

import ast
import re
from html import unescape
from pathlib import Path

import pytest

from explainer.app import session
from explainer.app.state import State
from explainer.notation.equations import FORMULAS
from explainer.notation.written_numbers import in_powers
from explainer.proofs import prove
from explainer.stages import STAGES
from explainer.tensors import describe
from tests.app_files import app_files
from tests.test_pages import app, markup

ROOT = Path(__file__).parents[1]
LAYER = 3


def lines_of(page: str) -> list[str]:
    """The page's texts line by line, without tags."""
    return unescape(re.sub(r"<[^>]+>", " ", markup(app(page, layer=str(LAYER), picture="cat")))).splitlines()


@pytest.mark.parametrize("page", [name for name, stage in STAGES.items() if stage.tensors])
def test_numbers_of_tensors_and_proofs_are_on_the_page(page: str) -> None:
    stage, lines = STAGES[page], lines_of(page)
    opened, _ = session.open_session(State(picture="cat", layer=LAYER))
    model, trace, block = opened.model, opened.trace, opened.block
    for reference in stage.tensors:
        row = describe(model, trace, block, reference, LAYER)
        [line] = [line for line in lines if f"`{row.name}`" in line and row.shape.named in line and row.symbol in line]
        cells = [cell.strip() for cell in line.split("|")]
        memory = f"{row.bytes:,} B" if row.bytes < 10_000 else r"[\d.,]+ [kM]B"
        assert any(re.fullmatch(memory, cell) for cell in cells), line
        assert {row.dtype, *(f"{number:.3g}" for number in (row.minimum, row.mean, row.maximum))} <= set(cells)
    text = " ".join(" ".join(lines).split())
    for claim in (*stage.equation_numbers, *stage.facts):
        proof = prove(claim, model, trace, block, LAYER)
        assert f"{proof.equation} holds" in text
        assert (
            f"largest difference {in_powers(proof.largest_difference)} over {proof.count:,} numbers, "
            f"tolerance {in_powers(proof.tolerance)}" in text
        )


def calls(path: Path) -> set[str]:
    """Everything that a page's source calls: ``attention.heads``, ``show_formula``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


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
    assert is_part or any(view in calls(path) for path in app_files().values())


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("patches", ("patches.grid", "patches.filters", "patches.projection")),
        ("embedding", ("embedding.sum_of_token", "embedding.sequence", "embedding.position_similarity")),
        (
            "attention",
            (
                "layer_norm.of_token",
                "self_attention.query_key_value",
                "self_attention.score_steps",
                "attention.looks",
                "self_attention.head_output",
                "self_attention.joined",
                "residual.norms",
            ),
        ),
        ("mlp", ("mlp.activations", "mlp.gelu_curve", "mlp.strongest_neurons", "residual.norms")),
        (
            "encoder",
            (
                "depth.layers_by_heads",
                "depth.update_sizes",
                "depth.class_token_path",
                "lens.logit_lens",
                "depth.rollout",
            ),
        ),
        ("head", ("head.representation", "head.logit_terms", "head.softmax_steps", "head.top_classes")),
        ("models", ("models.cost_shares",)),
    ],
)
def test_a_stage_shows_its_own_pictures(page: str, shown: tuple[str, ...]) -> None:
    assert set(shown) <= calls(ROOT / "pages" / f"{page}.py")


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
    shown = {element.value.strip("$\n ") for element in app(page, layer=str(LAYER)).latex}
    config = session.load_model("embedded")[0].config
    for name in formulas:
        formula = FORMULAS[name]
        assert formula.coloured("light") in shown
        assert not formula.numbers or formula.with_numbers(config, "light", LAYER) in shown
