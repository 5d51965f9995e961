"""What lights up together: every tensor, equation, proof and picture of a page has something to light up with."""

from pathlib import Path

import numpy as np
import pytest
import torch

from explainer import links
from explainer.links import Link
from explainer.notation.equations import EQUATIONS, FORMULAS
from explainer.notation.symbols import SYMBOLS
from explainer.packing import pack, unpack
from explainer.panels import Flow, Origin, Scale, Strip, Strips, View
from explainer.proofs import FACTS, PROOFS
from explainer.shapes import shape_of
from explainer.stages import STAGES, Stage
from explainer.steps.forward_pass import STEPS
from explainer.tensors import find
from explainer.views import overview
from tests.all_views import all_views
from vit_core import BlockTrace, ForwardTrace, VisionTransformer

ROOT = Path(__file__).parents[1]
KEYS = {key for stage in STAGES.values() for each in stage.tensors for key in links.of_tensor(each).makes}
WITH_TABLE = [stage for stage in STAGES.values() if stage.tensors]


def steps(stage: Stage) -> list[Link]:
    """The links of everything on the page that computes: equations, formulas, proofs; code has those of equations."""
    claims: list[int | str] = [*stage.equation_numbers, *stage.facts]
    return [*map(links.of_equation, (*stage.equations, *stage.formulas)), *map(links.of_proof, claims)]


def test_an_equation_makes_and_reads_what_its_proof_says_and_the_learned_tensors_it_names() -> None:
    made = ("block.attention.query", "block.attention.key", "block.attention.value")
    assert links.of_equation(EQUATIONS[5]) == Link(made, ("block.attention_input", "layer.attention.qkv.weight"))
    embed = links.of_equation(EQUATIONS[1])
    assert embed.makes == ("trace.hidden_states[0]",)
    assert {"trace.image", "model.class_token", "model.position_embedding"} <= set(embed.reads)
    assert links.of_proof("scores").makes == links.of_equation(FORMULAS["scores"]).makes == ("block.attention.scores",)
    norm = links.of_equation(FORMULAS["layer_norm"])
    assert "layer.mlp_norm.weight" in norm.reads and "block.mlp_input" in norm.makes


def test_every_key_is_that_of_a_tensor_in_a_table() -> None:
    for claim in (*PROOFS, *FACTS):
        link = links.of_proof(claim)
        # what is derived from the trace has a picture and no row
        assert {key for key in (*link.makes, *link.reads) if not key.startswith("derived.")} <= KEYS
        assert not set(link.makes) & set(link.reads)
    for item in (*EQUATIONS.values(), *FORMULAS.values()):
        assert {*links.of_equation(item).makes, *links.of_equation(item).reads} <= KEYS
    assert {key for panels in links.PICTURES.values() for panel in panels for key in panel} <= KEYS
    assert {key for node in links.NODES.values() for key in node} <= KEYS


@pytest.mark.parametrize("stage", WITH_TABLE, ids=lambda stage: stage.name)
def test_every_tensor_of_a_page_is_made_read_or_drawn_there(stage: Stage) -> None:
    used = {key for link in steps(stage) for key in (*link.makes, *link.reads)}
    if stage.name == "overview":
        used |= {key for node in links.NODES.values() for key in node}
    for reference in stage.tensors:
        assert used & set(links.of_tensor(reference).makes), reference


@pytest.mark.parametrize("stage", WITH_TABLE, ids=lambda stage: stage.name)
def test_every_numbered_equation_of_a_page_has_a_row_in_its_table(stage: Stage) -> None:
    rows = {key for reference in stage.tensors for key in links.of_tensor(reference).makes}
    for equation in stage.equations:
        link = links.of_equation(equation)
        assert rows & {*link.makes, *link.reads}, equation.number


@pytest.mark.parametrize("stage", WITH_TABLE, ids=lambda stage: stage.name)
def test_a_symbol_in_its_colour_stands_for_one_row_of_the_table(stage: Stage) -> None:
    """The browser finds the tensor of an equation's symbol by its looks."""
    looks = [(SYMBOLS[each.symbol].latex, SYMBOLS[each.symbol].quantity) for each in stage.tensors]
    coloured = [each for each in looks if each[1] is not None]
    assert len(set(coloured)) == len(coloured)


def views_of(stage: str) -> list[str]:
    """The names of the pictures on a stage's page."""
    return [step.picture.name for step in STEPS[stage] if step.picture is not None]


@pytest.mark.parametrize("stage", WITH_TABLE, ids=lambda stage: stage.name)
def test_every_picture_of_a_page_says_what_it_shows(stage: Stage) -> None:
    names = views_of(stage.name)
    assert names
    rows = {key for reference in stage.tensors for key in links.of_tensor(reference).makes}
    for name in set(names) - {"pipeline"}:  # whose parts are linked one by one
        for panel in links.PICTURES[name]:
            assert not panel or rows & set(panel), f"{name} shows {panel}, which the page's table does not have"


def test_there_is_no_picture_that_no_page_has() -> None:
    assert set(links.PICTURES) <= {name for stage in WITH_TABLE for name in views_of(stage.name)}


def test_a_key_leads_to_the_tensor(
    tiny_model: VisionTransformer, tiny_trace: ForwardTrace, tiny_block: BlockTrace
) -> None:
    for stage in WITH_TABLE:
        for reference in stage.tensors:
            key, (axes, found) = reference.key, find(tiny_model, tiny_trace, tiny_block, reference, 2)
            if key in ("trace.patches", "trace.hidden_states", "trace.attention_weights"):
                continue  # cut from the picture, or one tensor per layer
            owner, _, way = key.partition(".")
            value = {"trace": tiny_trace, "block": tiny_block, "model": tiny_model, "layer": tiny_model.block(2)}[owner]
            name, _, index = way.partition("[")
            for part in name.split("."):
                value = getattr(value, part)
            value = value[int(index.rstrip("]"))] if index else value
            assert isinstance(value, torch.Tensor) and shape_of(axes, tiny_model.config).sizes == tuple(found.shape)
            assert torch.equal(value.detach(), found) or torch.equal(value.detach().T, found)


def test_every_part_of_the_diagram_stands_for_a_tensor(
    tiny_model: VisionTransformer, tiny_trace: ForwardTrace, tiny_block: BlockTrace
) -> None:
    pixels = np.zeros((tiny_model.config.image_size,) * 2 + (3,), np.uint8)
    labels = [f"class {c}" for c in range(tiny_model.config.num_classes)]
    view = overview.pipeline(tiny_model, tiny_trace, tiny_block, pixels, labels, 2, 1)
    (flow,) = links.linked(view, "pipeline").panels
    assert isinstance(flow, Flow) and all(node.tensors for node in flow.nodes)
    assert not any(node.tensors for panel in view.panels if isinstance(panel, Flow) for node in panel.nodes)


def strips(title: str, tensors: tuple[str, ...] = ()) -> Strips:
    return Strips(title=title, strips=(Strip("x", np.zeros(3, "f4"), Scale(0, 1)),), tensors=tensors)


def test_panels_are_given_what_they_show_unless_they_say_it() -> None:
    view = links.linked(View(((strips("q"), strips("k", ("own",))), (strips("v"), strips("more"))), "alt"), "qkv")
    assert [panel.tensors for panel in view.panels] == [
        ("block.attention.query",),
        ("own",),
        ("block.attention.value",),
        ("block.attention.value",),
    ]
    unknown = View(((strips("x"),),), "alt")
    assert links.linked(unknown, "nobody") is unknown


def test_a_symbol_stands_for_the_tensors_that_the_tables_give_its_letter() -> None:
    own = {name: links.of_symbol(name).makes[:-1] for name in SYMBOLS}
    assert all(links.of_symbol(name).makes[-1] == links.symbol_key(name) for name in SYMBOLS)
    assert own["q"] == ("block.attention.query",) and own["E_pos"] == ("model.position_embedding",)
    assert own["z_{l-1}"] == ("block.input",) and own["z_l"] == own["z_l^0"] == ("block.output",)
    assert own["z_0"] == ("trace.hidden_states[0]",) and own["A"] == ("block.attention.weights",)
    assert own["gamma"] == ("layer.attention_norm.weight", "layer.mlp_norm.weight", "model.norm.weight")
    assert own["D"] == own["i"] == own["softmax"] == ()
    assert {key for keys in own.values() for key in keys} <= KEYS


def test_an_equation_says_what_its_symbols_are_in_their_order() -> None:
    told = links.of_symbols(EQUATIONS[7].template, r"<A!> \, <#N> <v:\mathbf{v}_1>")
    first, second = told.removeprefix('data-symbols="').removesuffix('"').split(" | ")
    assert [each.split("=")[0] for each in first.split()] == ["SA", "z", "A", "v"]
    assert second == "A=block.attention.weights,symbol.A v=block.attention.value,symbol.v"


def test_what_has_an_origin_shows_that_tensor(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> None:
    pixels = np.zeros((tiny_model.config.image_size,) * 2 + (3,), np.uint8)
    views = {name: make() for name, make in all_views(tiny_model, tiny_trace, pixels, 2, 1, 3).items()}
    shown = {name: [links.shown_by(panel) for panel in view.panels] for name, view in views.items()}
    assert {key for panels in shown.values() for keys in panels for key in keys} <= KEYS
    assert shown["self_attention.query_key_value"][0] == ("block.attention.query",)
    assert shown["embedding.sequence"] == [
        ("model.class_token", "trace.patch_embeddings"),
        ("model.position_embedding",),
        ("trace.hidden_states[0]",),
    ]
    assert links.of_origin(Origin("norm.weight", (0,))) == ("model.norm.weight",)
    assert links.of_origin(Origin("blocks.3.mlp.expand.bias", (0,))) == ("layer.mlp.expand.bias",)
    panel = strips("said", ("own",))
    assert links.shown_by(panel) == ("own",) and links.shown_by(strips("nothing")) == ()
    packed = unpack(pack(views["self_attention.query_key_value"]))
    assert [panel.tensors for panel in packed.panels] == shown["self_attention.query_key_value"]
