"""A step as HTML: its words, and next to its picture the equations, the lines of code, the tensors and the proofs.

What is about one tensor carries its link (``explainer/links.py``), so that the browser lights it up together. Colours
are those of both schemes. The picture is no part of this: who shows the step draws it into ``.vit-step-picture``.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape

from explainer import links
from explainer.export.saved_parts import Markup
from explainer.links import Link
from explainer.notation.equation_markup import equation_markup
from explainer.notation.equations import EQUATIONS, Equation, Formula
from explainer.notation.excerpts import Excerpt, excerpt, highlighted, line_of, lines_of
from explainer.notation.mathml import both_schemes, html_of, mathml
from explainer.notation.templates import written_symbols
from explainer.notation.written_numbers import in_powers
from explainer.palette import QUANTITIES
from explainer.proofs import Proof
from explainer.stages import Page, Stage
from explainer.steps.step import Moment, Step
from explainer.steps.tensor_table import symbol_of
from explainer.tensors import TensorRow
from explainer.texts import text
from vit_core import ViTConfig

LEAST_WORDS = 44  # letters of the first sentences: "Point at a patch." alone says too little
_SENTENCE_END = re.compile(r"[.?!] (?=[A-Z<(])")
_COLOUR = re.compile(r'style="color:[^"]*"')
_SYMBOL = re.compile(r'<mrow data-symbol="([^"]+)"(?: data-quantity="([^"]+)")?>')


def frame_of(page: Page, step: Step, number: int, mathematics: str, controls: str = "") -> str:
    """A step with places for its pictures. ``mathematics`` is what stands next to the first, ``controls`` above it."""
    prose = text(page.name)
    title = escape(prose.titles[step.slug])
    picture = f'<div class="vit-step-picture" data-view="{step.slug}">{Markup.PLACE}</div>' if step.picture else ""
    controls = f'<div class="vit-step-controls" data-controls="{step.slug}">{controls}</div>' if controls else ""
    result = f'<div class="vit-step-picture" data-result="{step.slug}">{Markup.PLACE}</div>' if step.result else ""
    section = prose.sections[step.slug]
    words = f'<div class="vit-step-words">{html_of(section) if step.is_prose else words_of(section)}</div>'
    kind = (
        "prose"
        if step.is_prose
        else "wide"
        if step.is_wide or not step.picture
        else "grouped"
        if step.is_grouped
        else "beside"
    )
    return (
        f'<section class="vit-step vit-step-{kind}" id="{step.slug}" data-step="{step.slug}" aria-label="{title}">'
        f'<header><h2><span class="vit-step-number">{number}</span> {title}</h2>'
        f"{words}</header>"
        f'{controls}<div class="vit-step-body">{picture}<div>'
        f'<div class="vit-step-mathematics" data-mathematics="{step.slug}">{mathematics}</div>{result}</div></div>'
        "</section>"
    )


@cache
def words_of(markdown: str) -> str:
    """The first paragraph; what follows unfolds."""
    first, _, more = markdown.partition("\n\n")
    rest = f"<details><summary>more</summary>{html_of(more)}</details>" if more else ""
    return _first_words_apart(html_of(first)) + rest


def _first_words_apart(paragraph: str) -> str:
    """The paragraph with what follows its first sentences marked: a projector shows these alone."""
    inside, closing, after = paragraph.rpartition("</p>")
    for end in _SENTENCE_END.finditer(inside):
        before = inside[: end.end()]
        is_outside = before.count("<") == 1 + 2 * before.count("</")  # of every element but the paragraph
        if is_outside and len(before) >= LEAST_WORDS:
            return f'{before}<span class="vit-rest">{inside[end.end() :]}</span>{closing}{after}'
    return paragraph


def mathematics_of(
    step: Step,
    moment: Moment,
    rows: Iterable[tuple[TensorRow, Link]],
    proofs: Sequence[tuple[int | str, Proof]],
    told: str = "",
) -> str:
    """What stands next to the picture of a step.

    Args:
        step: the step.
        moment: the forward pass, and the layer whose numbers are written.
        rows: the tensors of its stage with their links; those that the step makes or reads are shown.
        proofs: its claims and how they came out, in their order.
        told: what its pictures show, in sentences.
    """
    items = step.written(moment)
    table = f'<div class="vit-step-table" tabindex="0">{step.table(moment)}</div>' if step.table else ""
    if step.is_grouped:
        groups = zip(step.equations, proofs, strict=True)
        return table + "".join(_group(step, number, proof, moment) for number, (_, proof) in groups)
    equations = "".join(_equation(item, moment.config, moment.layer, step) for item in items)
    proved = "".join(proof_line(proof, links.of_proof(claim)) for claim, proof in proofs)
    if not items:  # its picture has equations and code itself, or it has none
        return table + (f'<div class="vit-step-proofs">{proved}</div>' if proved else "")
    return (
        f'{table}<div class="vit-step-equations">{equations}</div>'
        f'<div class="vit-step-code">{_code(step.computed(moment))}</div>'
        f'<div class="vit-step-shapes">{_shapes(step, moment, rows)}</div>'
        f'<div class="vit-step-proofs">{proved}</div>'
        f'<div class="vit-step-note">{escape(step.note(moment) if step.note else told)}</div>'
    )


def _group(step: Step, number: int, proof: Proof, moment: Moment) -> str:
    """One equation with its line of code and its proof; with pseudocode, in words and with numbers, too."""
    item = EQUATIONS[number]
    equation = _equation(item, moment.config, moment.layer, step)
    return (
        f'<div class="vit-step-group">{equation}'
        f'<div class="vit-step-code">{_code([item])}</div>'
        f'<div class="vit-step-proofs">{proof_line(proof, links.of_proof(number))}</div></div>'
    )


def _equation(item: Equation | Formula, config: ViTConfig, layer: int, step: Step) -> str:
    """An equation with this model's numbers, or with pseudocode; where there is only to read, with words and both."""
    title = f"Eq. {item.number} · {item.title}" if isinstance(item, Equation) else item.title
    numbers = words = pseudocode = ""
    if item.numbers and (step.is_prose or not (step.has_pseudocode or step.is_grouped)):
        numbers = f'<div class="vit-numbers">{_linked_numbers(item, config, layer)}</div>'
    if isinstance(item, Equation) and step.is_prose:
        title += f" · {item.source}"
        words = html_of(item.in_words)
    if isinstance(item, Equation) and step.has_pseudocode:
        pseudocode = f'<pre class="vit-pseudocode" tabindex="0"><code>{escape(item.pseudocode)}</code></pre>'
    return (
        f'<div class="vit-equation" tabindex="0" {_attributes(item)}>'
        f'<p class="vit-caption">{escape(title)}</p>'
        f'<div class="vit-formula">{linked_markup(item)}</div>{numbers}{words}{pseudocode}</div>'
    )


def _attributes(item: Equation | Formula) -> str:
    """What links an equation: what it makes and reads, and its symbols."""
    return f"{links.of_equation(item).attributes} {links.of_symbols(item.essence)}"


@cache
def linked_markup(item: Equation | Formula) -> str:
    """The formula as MathML, each of whose symbols has its colour and its link."""
    try:
        markup = equation_markup(item.essence)
    except ValueError:  # with braces below, which no symbol of its own stands in
        return mathml(item.coloured("light"), display=True)

    def mark(match: re.Match[str]) -> str:
        name, quantity = match[1], match[2]
        colour = f' style="color:{QUANTITIES[quantity].light}"' if quantity else ""
        return f'<mrow data-symbol="{name}" {links.of_symbol(name).attributes}{colour}>'

    return both_schemes(_SYMBOL.sub(mark, markup))


def _linked_numbers(item: Equation | Formula, config: ViTConfig, layer: int) -> str:
    """The formula with this model's numbers, its symbols with their links: each has a colour, in the written order."""
    names = iter(written_symbols(item.numbers))

    def mark(match: re.Match[str]) -> str:
        name = next(names)
        return f'data-symbol="{name}" {links.of_symbol(name).attributes} {match[0]}'

    return _COLOUR.sub(mark, mathml(item.with_numbers(config, "light", layer), display=True))


def _code(items: Sequence[Equation | Formula]) -> str:
    """The line of each equation; of a formula, its statements."""
    files: dict[str, dict[int, tuple[Excerpt, Link, bool]]] = {}
    for item in items:
        for code in (line_of(item),) if isinstance(item, Equation) else lines_of(item):
            files.setdefault(code.path, {})[code.first] = (code, links.of_equation(item), isinstance(item, Equation))
    return "".join(_listing(path, [lines[first] for first in sorted(lines)]) for path, lines in files.items())


def _listing(path: str, excerpts: Sequence[tuple[Excerpt, Link, bool]]) -> str:
    """Excerpts of one file below each other."""
    places = []
    blocks = []
    for code, link, is_equation in excerpts:
        count = len(code.source.splitlines())
        places.append(f"line {code.first}" if count == 1 else f"lines {code.first} to {code.first + count - 1}")
        attributes = {line: f'tabindex="0" {link.attributes}' for line in range(count)}
        blocks.append(both_schemes(highlighted(code, "light", [0] if is_equation else [], attributes)))
    return f'<p class="vit-source">{escape(path)}, {" and ".join(places)}</p>{"".join(blocks)}'


def _shapes(step: Step, moment: Moment, rows: Iterable[tuple[TensorRow, Link]]) -> str:
    """The tensors of the step: what it reads, what is learned, what it makes."""
    rows = tuple(rows)
    made, read = _about(step, moment)
    if not any((made | read) & set(link.makes) for _, link in rows):  # it is about those of its letters
        read = {key for item in step.written(moment) for name in item.symbols for key in links.of_symbol(name).makes}
    makes = [_shape_line("makes", row, link) for row, link in rows if made.intersection(link.makes)]
    others = [(row, link) for row, link in rows if made.isdisjoint(link.makes)]
    reads = [_shape_line("reads", row, link) for row, link in others if read.intersection(link.makes)]
    return f"<table>{''.join(reads + makes)}</table>" if reads or makes else ""


def _about(step: Step, moment: Moment) -> tuple[set[str], set[str]]:
    """The keys of what a step makes and reads: by its proofs, and by its equations where those say more."""
    proofs = [links.of_proof(claim) for claim in step.claims]
    equations = [links.of_equation(item) for item in step.written(moment)]
    makes = {key for link in proofs or equations for key in link.makes}
    reads = {key for link in proofs for key in link.reads}
    for link in equations:
        reads |= {key for key in link.reads if not reads or key.startswith(("model.", "layer."))}
    return makes, reads - makes


def _shape_line(role: str, row: TensorRow, link: Link) -> str:
    role = "learned" if row.learnable else role
    return (
        f'<tr tabindex="0" {link.attributes}><td>{role}</td><td>{symbol_of(row)}</td>'
        f'<td title="{escape(row.name)}"><code>{escape(_short(row.name))}</code></td>'
        f"<td>{escape(row.shape.named)}</td></tr>"
    )


def _short(name: str) -> str:
    """The end of a name that says enough: "query", "qkv.weight"."""
    parts = name.removesuffix(".T").split(".")
    return ".".join(parts[-2:] if parts[-1] in ("weight", "bias") else parts[-1:])


@cache
def code_of(stage: Stage) -> str:
    """The functions that compute a stage, read from the running program; the lines of its equations are marked."""
    formulas = (formula for formula in stage.formulas if formula.code is not None)
    items: list[Equation | Formula] = [*stage.equations, *formulas]
    by_function: dict[str, list[Equation | Formula]] = {}
    for item in items:
        by_function.setdefault(excerpt(item).source, []).append(item)
    return "".join(map(_function, by_function.values()))


def _function(items: Sequence[Equation | Formula]) -> str:
    """One function, and what it computes."""
    code = excerpt(items[0])
    numbered = [item for item in items if isinstance(item, Equation)]
    names = ", ".join(f"Eq. {item.number}" for item in numbered) or ", ".join(item.title for item in items)
    lines = ", ".join(str(excerpt(item).number) for item in numbered or items[:1])
    # A formula has no line that is marked: the first line of its function stands for it.
    attributes = {excerpt(item).line or 0: f'tabindex="0" {links.of_equation(item).attributes}' for item in items}
    marked = [excerpt(item).line for item in numbered]
    listing = both_schemes(highlighted(code, "light", marked, attributes))
    return f'<p class="vit-source">{escape(f"{names} · {code.path}, line {lines}")}</p>{listing}'


def folded(title: str, html: str) -> str:
    """What is long, below the steps."""
    return f'<details class="vit-folded"><summary>{escape(title)}</summary>{html}</details>'


def proof_line(proof: Proof, link: Link) -> str:
    """How a claim came out."""
    kind, mark, verdict = ("holds", "✓", "holds") if proof.holds else ("fails", "✗", "does not hold")
    return (
        f'<div class="vit-proof vit-proof-{kind}" tabindex="0" title="{escape(proof.statement)}" '
        f'{link.attributes}><span class="vit-proof-mark">{mark} {escape(proof.equation)} {verdict}</span> '
        f"<span><b>{in_powers(proof.largest_difference)}</b> over <b>{proof.count:,}</b> numbers, "
        f"tolerance {in_powers(proof.tolerance)}</span></div>"
    )
