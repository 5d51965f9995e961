"""The registries are complete and agree: equations, symbols, stages, texts, pages, code."""

import ast
import inspect
import operator
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

import vit_core
from explainer import panels
from explainer.app.what_if.experiments import EXPERIMENTS
from explainer.export.drawers import DRAWERS, drawer_of
from explainer.menu import GROUPS, PAGES, neighbours
from explainer.notation.equations import EQUATIONS, FORMULAS, Equation, Formula
from explainer.notation.excerpts import excerpt, highlighted
from explainer.notation.symbols import QUANTITY_OF_NAME, SYMBOLS
from explainer.notation.templates import number, plain, value, written_symbols
from explainer.palette import QUANTITIES, TEXT, Scheme
from explainer.panels import Panel
from explainer.proofs import FACTS, PROOFS
from explainer.shapes import shape_of
from explainer.stages import STAGES, Page
from explainer.steps.forward_pass import STEPS
from explainer.tensors import describe
from explainer.texts import TEXTS, text
from tests.all_views import all_views
from tests.app_files import app_files, imported_modules
from vit_core import AttentionTrace, BlockTrace, ForwardTrace, MLPTrace, VisionTransformer, ViTConfig
from vit_core.model import MLP, ClassificationHead, EncoderBlock, MultiheadSelfAttention

ROOT = Path(__file__).parents[1]
MODEL = (ROOT / "vit_core" / "model.py").read_text(encoding="utf-8")
ALL: list[Equation | Formula] = [*EQUATIONS.values(), *FORMULAS.values()]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def name(item: Equation | Formula) -> str:
    return f"Eq. {item.number}" if isinstance(item, Equation) else item.name


# Equations


def test_the_papers_eight_equations() -> None:
    """The right-hand sides as the paper prints them (Section 3.1 and Appendix A), spaces apart."""
    printed = {
        1: r"\mathbf{z}_{0}=[\mathbf{x}_{\text{class}};\mathbf{x}_p^{1}\mathbf{E};\mathbf{x}_p^{2}\mathbf{E};\cdots;"
        r"\mathbf{x}_p^{N}\mathbf{E}]+\mathbf{E}_{pos},\mathbf{E}\in\mathbb{R}^{(P^2\cdotC)\timesD},"
        r"\mathbf{E}_{pos}\in\mathbb{R}^{(N+1)\timesD}",
        2: r"\mathbf{z}'_{\ell}=\operatorname{MSA}(\operatorname{LN}(\mathbf{z}_{\ell-1}))+\mathbf{z}_{\ell-1},"
        r"\ell=1\ldotsL",
        3: r"\mathbf{z}_{\ell}=\operatorname{MLP}(\operatorname{LN}(\mathbf{z}'_{\ell}))+\mathbf{z}'_{\ell},"
        r"\ell=1\ldotsL",
        4: r"\mathbf{y}=\operatorname{LN}(\mathbf{z}_{L}^{0})",
        5: r"[\mathbf{q},\mathbf{k},\mathbf{v}]=\mathbf{z}\mathbf{U}_{qkv},"
        r"\mathbf{U}_{qkv}\in\mathbb{R}^{D\times3D_h}",
        6: r"A=\operatorname{softmax}\left(\mathbf{q}\mathbf{k}^\top/\sqrt{D_h}\right),"
        r"A\in\mathbb{R}^{N\timesN}",
        7: r"\operatorname{SA}(\mathbf{z})=A\mathbf{v}",
        8: r"\operatorname{MSA}(\mathbf{z})=[\operatorname{SA}_1(\mathbf{z});\operatorname{SA}_2(\mathbf{z});\cdots;"
        r"\operatorname{SA}_k(\mathbf{z})]\mathbf{U}_{msa},\mathbf{U}_{msa}\in\mathbb{R}^{k\cdotD_h\timesD}",
    }
    spaces = re.compile(r"\\[,;]|\\q?quad|\s")
    assert {number: spaces.sub("", equation.latex) for number, equation in EQUATIONS.items()} == printed


@pytest.mark.parametrize("number", range(1, 9))
def test_every_equation_has_its_line_in_the_model_exactly_once(number: int) -> None:
    marked = [line for line in MODEL.splitlines() if re.search(rf"# Eq\. {number}\b", line)]
    assert len(marked) == 1
    code = excerpt(EQUATIONS[number])
    assert code.line is not None
    assert code.source.splitlines()[code.line].strip() == marked[0].strip()
    assert (ROOT / code.path).read_text(encoding="utf-8").splitlines()[code.number - 1] == marked[0]


@pytest.mark.parametrize(
    ("number", "computes"),
    [
        (1, ("class_token", "patch_embeddings", "+ self.position_embedding")),
        (2, ("self.attention(self.attention_norm(z)) + z",)),
        (3, ("self.mlp(self.mlp_norm(z)) + z",)),
        (4, ("self.norm(z[..., 0, :])",)),
        (5, ("q, k, v =", "self.qkv(z)")),
        (6, ("weights =", "softmax(")),
        (7, ("head_outputs =", "weights @ v")),
        (8, ("output =", "self.projection(", "head_outputs")),
    ],
)
def test_the_marked_line_is_the_one_that_computes_the_equation(number: int, computes: tuple[str, ...]) -> None:
    code = excerpt(EQUATIONS[number])
    assert code.line is not None
    line = code.source.splitlines()[code.line]
    assert all(part in line for part in computes), line


def test_an_equation_without_its_marker_is_refused() -> None:
    broken = Equation(9, "", "", "", ViTConfig.named, "", "", "")
    with pytest.raises(ValueError, match=r"expected one line ending with '# Eq. 9' in ViTConfig.named, found 0"):
        excerpt(broken)


@pytest.mark.parametrize("item", ALL, ids=name)
def test_every_letter_is_a_symbol(item: Equation | Formula) -> None:
    """What is left of a template without its symbols has no letter that nobody explains."""
    for template in (item.template, item.numbers):
        assert {symbol for symbol in item.symbols} <= set(SYMBOLS)
        rest = re.sub(r"<#[^<>]+>", "", template)
        rest = re.sub(r"<[^<>]+>", "", rest)
        rest = re.sub(r"\\(operatorname|text|mathbb|mathrm)\{[^}]*\}", "", rest)
        rest = re.sub(r"\\\\\[4pt\]|\\begin\{aligned\}|\\end\{aligned\}|\\[A-Za-z]+", "", rest)
        assert re.findall("[A-Za-z]", rest) == []


def test_the_rule_sees_a_stray_letter() -> None:
    stray = Formula("stray", "", r"<q> + r", "")
    with pytest.raises(AssertionError):
        test_every_letter_is_a_symbol(stray)


# What KaTeX draws: its documentation's lists of supported functions.
KATEX_FUNCTIONS = """
    mathbf mathbb mathrm boldsymbol operatorname text textcolor frac sqrt sum underbrace left right Big big
    tilde lVert rVert cdot cdots ldots times in to top quad qquad odot ell gamma beta mu sigma epsilon Phi pi
    approx exp cos tanh begin end
"""


def check_katex(latex: str) -> None:
    assert set(re.findall(r"\\([A-Za-z]+)", latex)) <= set(KATEX_FUNCTIONS.split())
    assert set(re.findall(r"\\([^A-Za-z])", latex.replace(r"\\[4pt]", ""))) <= {",", ";"}
    depth = 0
    for character in re.sub(r"\\.", "", latex):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert latex.count(r"\left") == latex.count(r"\right")
    assert not set(latex) & {"<", ">", "|", "$", "%", "!"} and latex.isascii()


@pytest.mark.parametrize("item", ALL, ids=name)
def test_katex_can_draw_it(item: Equation | Formula) -> None:
    check_katex(item.latex)
    for scheme in SCHEMES:
        check_katex(item.coloured(scheme))
        check_katex(item.with_numbers(ViTConfig(), scheme))
        if isinstance(item, Equation):
            check_katex(item.with_numbers(ViTConfig(), scheme, 12))


@pytest.mark.parametrize("item", ALL, ids=name)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_colours_change_nothing_but_the_colour(item: Equation | Formula, scheme: Scheme) -> None:
    coloured = item.coloured(scheme)
    three_deep = r"((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)"  # braces within braces within the coloured ones
    assert re.sub(r"\\textcolor\{#[0-9a-f]{6}\}\{" + three_deep + r"\}", r"\1", coloured) == item.latex
    used = [SYMBOLS[symbol].quantity for symbol in written_symbols(item.template)]
    colours = [TEXT[scheme] if quantity is None else QUANTITIES[quantity].colour(scheme) for quantity in used]
    assert re.findall("#[0-9a-f]{6}", coloured) == colours  # one for each symbol, in the order in which it is written


def test_numbers_are_those_of_the_model() -> None:
    mini = ViTConfig.named("Mini/8")
    first = EQUATIONS[1].with_numbers(mini)
    assert r"\frac{64 \cdot 64}{8^2} = 64" in first and r"8^2 \cdot 3 = 192" in first
    assert r"\underbrace{\mathbf{E}_{pos}}_{65 \times 256}" in first
    second = EQUATIONS[2].with_numbers(mini, None, 3)
    assert r"\underbrace{\mathbf{z}'_{3}}_{65 \times 256}" in second and r"\mathbf{z}_{2}" in second
    assert "256/4 = 64" in second
    assert r"\mathbf{z}_{6}^{0}" in EQUATIONS[4].with_numbers(mini)
    b16 = ViTConfig.named("B/16")
    assert r"\underbrace{A}_{197 \times 197}" in EQUATIONS[6].with_numbers(b16)
    assert r"\sqrt{64} \approx 8," in EQUATIONS[6].with_numbers(b16)
    assert r"\underbrace{\mathbf{U}_{msa}}_{768 \times 768}" in EQUATIONS[8].with_numbers(b16)
    assert r"\underbrace{\mathbf{U}_{qkv}}_{768 \times 192}" in EQUATIONS[5].with_numbers(b16)


def test_formulas_have_numbers_too() -> None:
    mini = ViTConfig.named("Mini/8")
    assert FORMULAS["num_patches"].with_numbers(mini) == r"N = \frac{64 \cdot 64}{8^2} = 64"
    assert r"\underbrace{\mathbf{x}_p}_{64 \times 192}" in FORMULAS["patchify"].with_numbers(mini)
    assert FORMULAS["layer_norm"].with_numbers(mini) == r"D = 256, \qquad \epsilon = 10^{-6}"
    assert FORMULAS["softmax"].with_numbers(mini) == ""
    assert r"\underbrace{\mathbf{o}}_{1000}" in FORMULAS["softmax_logits"].with_numbers(mini)


def test_a_head_with_a_hidden_layer_has_its_own_formula() -> None:
    """The shapes fit: D numbers become D_rep, and those the K logits."""
    config = ViTConfig.named("Mini/8", num_classes=10, representation_size=256)
    numbers = FORMULAS["head_pre_logits"].with_numbers(config)
    assert r"\underbrace{\mathbf{y}}_{256} \, \underbrace{\mathbf{W}_{\text{pre}}}_{256 \times 256}" in numbers
    assert r"\underbrace{\tilde{\mathbf{y}}}_{256} \, \underbrace{\mathbf{W}}_{256 \times 10}" in numbers


@pytest.mark.parametrize(
    ("value", "latex"),
    [
        (64, "64"),
        (150528, "150{,}528"),
        (32**0.5, "5.657"),
        (1e-12, "10^{-12}"),
        (8.0, "8"),
        (2.5e-7, r"2.5 \cdot 10^{-7}"),
    ],
)
def test_numbers_are_written_for_reading(value: float, latex: str) -> None:
    assert number(value) == latex


def test_every_equation_says_itself_in_words_and_pseudocode() -> None:
    for equation in EQUATIONS.values():
        assert len(equation.in_words) > 40
        ast.parse(equation.pseudocode.replace("\n ", ""))  # it reads as Python
    assert EQUATIONS[1].pseudocode.startswith("x_input = [class_token, image_patch_1,")
    assert EQUATIONS[4].pseudocode == "y = Linear_layer(LN_layer(x_output_MLP_block[0]))"


# Symbols


def test_symbols_are_named_once_and_explained(tiny_config: ViTConfig) -> None:
    for key, symbol in SYMBOLS.items():
        assert key == symbol.name and symbol.meaning
        assert symbol.quantity is None or symbol.quantity in QUANTITIES
        shape_of(symbol.axes, tiny_config)  # every axis has a size
        check_katex(symbol.latex)


def test_sizes_have_a_number_in_every_model() -> None:
    b16 = ViTConfig.named("B/16")
    sizes = {symbol: value(symbol, b16) for symbol in SYMBOLS if value(symbol, b16) is not None}
    assert sizes == {
        "H": 224,
        "W": 224,
        "C": 3,
        "P": 16,
        "N": 196,
        "D": 768,
        "L": 12,
        "k": 12,
        "D_h": 64,
        "D_MLP": 3072,
        "K": 1000,
        "eps": 1e-6,
    }
    assert value("q", b16) is None


def test_every_quantity_of_the_paper_has_symbols_in_its_colour() -> None:
    used = {symbol.quantity for symbol in SYMBOLS.values()}
    assert set(QUANTITIES) <= used


def exists(path: str, model: VisionTransformer, trace: ForwardTrace, block: BlockTrace) -> bool:
    """Whether ``path`` leads somewhere: from the config, a trace, a module, the package, or as a name in a function."""
    layer = model.block(1)
    parts = (layer.attention, layer.mlp, block.attention, block.mlp)
    for start in (model.config, model, layer, trace, block, *parts, model.head, vit_core):
        try:
            operator.attrgetter(path)(start)
        except AttributeError:
            continue
        return True
    classes = (VisionTransformer, EncoderBlock, MultiheadSelfAttention, MLP, ClassificationHead)
    functions = [inspect.unwrap(f) for c in classes for f in vars(c).values() if inspect.isfunction(f)]
    return any(path in function.__code__.co_varnames for function in functions)


def test_names_of_symbols_exist_in_the_code(tiny_config: ViTConfig, tiny_image: Tensor) -> None:
    model = VisionTransformer(replace(tiny_config, representation_size=5))  # has every part that a model can have
    trace = model.trace(tiny_image)
    block = model.trace_block(trace, 1)
    missing = {
        (symbol.name, path)
        for symbol in SYMBOLS.values()
        for path in symbol.code
        if not exists(path, model, trace, block)
    }
    assert not missing
    assert not exists("attention_output", model, trace, block) and not exists("mlp.sum", model, trace, block)


def test_symbols_have_the_shapes_of_their_tensors(
    tiny_model: VisionTransformer, tiny_trace: ForwardTrace, tiny_block: BlockTrace
) -> None:
    """A symbol's shape is that of one head and one layer; PyTorch puts the picture's channels first."""
    for stage in STAGES.values():
        for reference in stage.tensors:
            if reference.symbol == "U_qkv":  # the paper's is one head's third of a third
                continue
            row = describe(tiny_model, tiny_trace, tiny_block, reference, 2)
            every = {"heads", "states", "layers"}
            sizes = [size for axis, size in zip(row.axes, row.sizes, strict=True) if axis not in every]
            symbol = shape_of(SYMBOLS[reference.symbol].axes, tiny_model.config)
            assert sorted(sizes) == sorted(symbol.sizes), reference


# Code


def test_code_wears_the_equations_colours() -> None:
    for scheme in SCHEMES:
        html = highlighted(excerpt(EQUATIONS[6]), scheme)
        for code, quantity in (("q", "q"), ("k", "k"), ("v", "v"), ("weights", "A")):
            assert f'style="color:{QUANTITIES[quantity].colour(scheme)}">{code}</span>' in html
        assert html.count("vit-marked") == 1


@pytest.mark.parametrize("item", [item for item in ALL if item.code is not None], ids=name)
def test_highlighting_keeps_every_character(item: Equation | Formula) -> None:
    code = excerpt(item)
    html = re.sub(r'<span class="vit-line-number">\d+</span>', "", highlighted(code, "light"))
    unescaped = re.sub("<[^>]*>", "", html)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"), ("&amp;", "&")):
        unescaped = unescaped.replace(entity, character)
    assert unescaped == code.source


def test_names_that_several_tensors_share_have_no_colour() -> None:
    assert not {"hidden", "input", "output"} & set(QUANTITY_OF_NAME)
    assert QUANTITY_OF_NAME["class_token"] == "class_token" and QUANTITY_OF_NAME["position_embedding"] == "E_pos"


# Stages


def test_the_story_is_in_order() -> None:
    names = ["overview", "patches", "embedding", "attention", "mlp", "encoder", "head", "models", "glossary"]
    assert list(STAGES) == names


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_every_page_has_its_neighbours(group: Mapping[str, Page]) -> None:
    pages = [None, *group.values(), None]
    for before, page, after in zip(pages, pages[1:], pages[2:], strict=False):
        assert page is not None and neighbours(page) == (before, after)


def test_every_equation_formula_and_fact_belongs_to_a_stage() -> None:
    assert {number for stage in STAGES.values() for number in stage.equation_numbers} == set(EQUATIONS) == set(PROOFS)
    assert {name for stage in STAGES.values() for name in stage.formula_names} == set(FORMULAS)
    assert {name for stage in STAGES.values() for name in stage.facts} == set(FACTS)


NO_TENSORS = {("trace", "interventions"), ("block", "attention"), ("block", "mlp")}  # the last two are traces


def test_every_field_of_a_trace_belongs_to_a_stage() -> None:
    told = {(reference.source, reference.field) for stage in STAGES.values() for reference in stage.tensors}
    traces = {"trace": ForwardTrace, "block": BlockTrace, "attention": AttentionTrace, "mlp": MLPTrace}
    for source, trace in traces.items():
        for field in fields(trace):
            if (source, field.name) not in NO_TENSORS:
                assert (source, field.name) in told


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_text_and_a_page(stage: str) -> None:
    prose = text(stage)
    assert prose.summary.count("\n") == 2 * (stage in STEPS)  # one paragraph; of a page of steps the second unfolds
    read = re.sub(r"\$[^$]+\$", "x_p", prose.summary)
    assert 200 < len(read) < 430  # at most five lines of about 86 characters, the text is no wider
    assert prose.sections and list(prose.sections) == list(prose.titles)
    for slug, body in prose.sections.items():
        assert re.fullmatch("[a-z-]+", slug) and len(body) > 80
    assert (ROOT / "pages" / f"{stage}.py").is_file()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_complete(page: str) -> None:
    """Its record, its text and its script; the menu, the address and the neighbours read the record."""
    assert PAGES[page].title and re.fullmatch("[a-z0-9_]+", PAGES[page].icon), "the record's icon"
    assert (TEXTS / f"{page}.md").is_file(), f"assets/text/{page}.md is missing"
    script = ROOT / "pages" / f"{page}.py"
    assert script.is_file(), f"pages/{page}.py is missing"


@pytest.mark.parametrize("page", STEPS)
def test_the_sidebar_offers_a_token_where_the_page_shows_one(page: str) -> None:
    pictures = [picture for step in STEPS[page] for picture in (step.picture, step.result) if picture is not None]
    shown = {choice for picture in pictures for choice in picture.reads | picture.follows}
    assert ("token" in PAGES[page].uses) == ("token" in shown)


def test_every_script_is_a_page() -> None:
    """``frame.py`` is what all pages stand in."""
    assert {path.stem for path in (ROOT / "pages").glob("*.py")} - {"frame"} - PAGES.keys() == set()


def test_there_is_no_text_without_a_page() -> None:
    assert {path.stem for path in TEXTS.glob("*.md")} == set(PAGES)


def parts(page: ast.Module) -> list[ast.Module]:
    """The modules that a page is divided into: those of the app that it imports and that show sections themselves."""
    files = app_files()
    modules = {node.module for node in ast.walk(page) if isinstance(node, ast.ImportFrom) and node.module in files}
    modules |= {name for _, name in imported_modules(page)}
    sources = [files[name].read_text(encoding="utf-8") for name in sorted(modules - {"explainer.app.blocks"})]
    return [ast.parse(source) for source in sources if "show_section(" in source]


@pytest.mark.parametrize("stage", PAGES)
def test_pages_show_sections_that_exist_and_all_of_them(stage: str) -> None:
    steps = [step.slug for step in STEPS.get(stage, ())]
    if steps == list(text(stage).sections):
        return
    tree = ast.parse((ROOT / "pages" / f"{stage}.py").read_text(encoding="utf-8"))
    own = [tree, *parts(tree)]
    calls = [
        node
        for each in own
        for node in ast.walk(each)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "show_section"
    ]
    slugs = [str(call.args[1].value) for call in calls if isinstance(call.args[1], ast.Constant)]
    if by_record := [call for call in calls if ast.unparse(call.args[1]) == "experiment.section"]:
        calls = [call for call in calls if call not in by_record]
        sections = [experiment.section for experiment in EXPERIMENTS.values()]
        assert set(sections) <= text(stage).sections.keys(), "what_if.md lacks a section"
        slugs, calls = slugs + sections, calls + by_record * len(sections)
    if len(slugs) == len(calls):  # a page that walks through all sections names none
        assert sorted(steps + slugs) == sorted(text(stage).sections)


@pytest.mark.parametrize("stage", PAGES)
def test_mathematics_in_the_prose_is_katex(stage: str) -> None:
    prose = text(stage)
    for part in (prose.summary, *prose.sections.values()):
        without_code = re.sub("`[^`]*`", "", part)
        assert without_code.count("$") % 2 == 0
        for latex in re.findall(r"\$([^$]+)\$", without_code):
            check_katex(latex)
            assert latex == latex.strip()  # Markdown takes "$ x$" for a price


def test_an_unknown_page_is_refused() -> None:
    with pytest.raises(KeyError, match="unknown page 'atention', known are overview, patches"):
        text("atention")


def test_templates_name_symbols_that_exist() -> None:
    with pytest.raises(KeyError, match="nobody"):
        plain("<nobody>")


# Kinds of panels


def kinds(of: type[Panel] = Panel) -> list[type[Panel]]:
    """The classes below ``Panel`` that no other class of the project is made of, each once."""
    own = [kind for kind in of.__subclasses__() if kind.__module__.startswith("explainer.")]
    return list(dict.fromkeys(leaf for kind in own for leaf in kinds(kind))) if own else [of]


def code_of_the_browser() -> str:
    """The scripts of the canvas without their comments."""
    scripts = sorted((ROOT / "explainer" / "components").rglob("*.js"))
    return "\n".join(re.sub(r"//.*", "", path.read_text(encoding="utf-8")) for path in scripts)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_kind_of_panel_is_complete(
    kind: type[Panel], tiny_model: VisionTransformer, tiny_trace: ForwardTrace
) -> None:
    """Its class, its record for Matplotlib, its drawing in the browser, and a view that has it."""
    name = kind.__name__
    assert getattr(panels, name, None) is kind, f"explainer/panels/__init__.py has no {name}"
    assert kind in DRAWERS, f"explainer/export/drawers.py has no record for {name}"
    assert re.search(rf"\b{name}\b", code_of_the_browser()), f"nothing in explainer/components draws a {name}"
    pixels = np.zeros((tiny_model.config.image_size, tiny_model.config.image_size, 3), dtype=np.uint8)
    views = (make() for make in all_views(tiny_model, tiny_trace, pixels, 2, 3, 6).values())
    assert any(type(panel) is kind for view in views for panel in view.panels), f"tests/all_views.py has no {name}"


def test_a_kind_without_its_record_is_refused() -> None:
    class Unknown(Panel):
        pass

    assert Unknown not in kinds()
    with pytest.raises(TypeError, match="cannot draw a Unknown"):
        drawer_of(Unknown(title=""))
