"""The parts of every stage page, in one order: words, equation, views, tensors, code, proof, the way on."""

from collections.abc import Callable
from html import escape

import streamlit as st

from explainer import links
from explainer.app import saved_page, state
from explainer.app.canvas import show as show_canvas
from explainer.app.foreign import plain
from explainer.app.kept import kept, kept_view
from explainer.app.session import Session, current, proof
from explainer.app.tensor_maps import show_map
from explainer.export.saved_parts import Code, Heading, Mathematics, Proved, Tensors, Words
from explainer.lessons import HANDS_ON, Lesson
from explainer.links import Link
from explainer.menu import group_of, neighbours
from explainer.notation import templates as notation
from explainer.notation.equations import EQUATIONS, FORMULAS, Equation, Formula
from explainer.notation.excerpts import excerpt, highlighted, line_of
from explainer.notation.written_numbers import in_powers
from explainer.palette import QUANTITIES, Scheme
from explainer.panels import View
from explainer.proofs import Proof
from explainer.stages import STAGES, Stage
from explainer.tensors import TensorRow, describe
from explainer.texts import text
from explainer.views.compose import explained
from explainer.views.course.scenes import NAME


def scheme() -> Scheme:
    """Whether the page is light or dark in this browser."""
    return "dark" if st.context.theme.type == "dark" else "light"


def show_head(stage: Stage | Lesson) -> None:
    """The page's place in the story, its title, and its summary in plain words."""
    names = list(group_of(stage))
    place = f"{names.index(stage.name) + 1} of {len(names)}" + (f" · {stage.about}" if stage.about else "")
    st.html(f'<p class="vit-kicker">{escape(place)}</p>')
    st.title(stage.title, anchor=False)
    with st.container(key="summary"):
        st.markdown(text(stage.name).summary)
    saved_page.begin()
    saved_page.note(Words(text(stage.name).summary))


def show_equation(equation: Equation) -> None:
    """An equation as the paper prints it, in the quantities' colours, and below it with this model's numbers."""
    _show_mathematics(f"Equation {equation.number} · {equation.title}", equation, str(equation.number))


def show_formula(name: str) -> None:
    """A formula that has no number in the paper, with this model's numbers where they add something."""
    _show_mathematics(FORMULAS[name].title, FORMULAS[name], name)


def _show_mathematics(title: str, formula: Equation | Formula, name: str) -> None:
    session = current()
    saved_page.note(Mathematics(title, formula, session.config, session.layer))
    with st.container(key=f"equation_{name}", gap="small"):
        show_link(title, links.of_equation(formula), *formula.lines)
        st.latex(formula.coloured(scheme()))
        if formula.numbers:
            with st.container(key=f"numbers_{name}"):
                st.latex(formula.with_numbers(session.config, scheme(), session.layer))


def show_equation_line(equation: Equation) -> None:
    """An equation and its line of code, on pages that are about other things."""
    title, link, code = f"Equation {equation.number} · {equation.title}", links.of_equation(equation), line_of(equation)
    saved_page.note(Mathematics(title, equation))
    saved_page.note(Code(f"{code.path}, line {code.number}", code))
    with st.container(key=f"equation_{equation.number}", gap="small"):
        show_link(title, link, equation.essence)
        st.latex(notation.coloured(equation.essence, scheme()))
        st.html(highlighted(code, scheme(), [0], {0: f'tabindex="0" {link.attributes}'}))


def show_link(title: str, link: Link, *lines: str) -> None:
    """The title of an equation, which the keyboard can go to: what is about the same tensors lights up with it.

    ``lines`` are the templates of the formulas that follow it, whose symbols light up one by one.
    """
    st.html(f'<p class="vit-caption" tabindex="0" {link.attributes} {links.of_symbols(*lines)}>{escape(title)}</p>')


def show_section(stage: Stage | Lesson, slug: str) -> None:
    """The heading of one section and its words."""
    prose = text(stage.name)
    st.header(prose.titles[slug], anchor=slug)
    show_words(prose.sections[slug], Heading(prose.titles[slug]))


def show_words(markdown: str, heading: Heading | None = None, quiet: bool = False) -> None:
    """Words that belong to the page when it is saved; ``quiet`` as a caption."""
    if heading is not None:
        saved_page.note(heading)
    saved_page.note(Words(markdown, quiet))
    (st.caption if quiet else st.markdown)(markdown)


def _show_heading(title: str, anchor: str) -> None:
    st.header(title, anchor=anchor)
    saved_page.note(Heading(title))


def show_accuracy(session: Session) -> None:
    """The checkpoint's accuracy, where its card states it."""
    measured = session.checkpoint.card.get("metrics", {}).get("validation", {}).get("all")
    classes = session.config.num_classes
    if measured:
        show_words(
            f"Measured on {measured['pictures']:,} images that it was not trained on: its first answer is right for "
            f"{measured['top1']:.1%} of them ({classes} classes)"
            + (f", and the right class is among the first five for {measured['top5']:.1%}." if classes > 5 else "."),
            quiet=True,
        )


def show_view(name: str, make: Callable[[], View], *dependencies: str | int) -> None:
    """A view of tensors; a click on it chooses for the whole app.

    It is made once for everybody whose choice is the same; it depends on ``dependencies`` as well.
    """
    session = current()
    key = (name, *session.choice, *dependencies)
    view = kept_view(key, lambda: explained(links.linked(make(), name), session.layer))
    show_canvas(view, key=name, on_pick=state.pick)


def show_tensors(stage: Stage, session: Session) -> None:
    """The tensors that the stage reads and makes."""
    rows = kept(
        ("tensors", stage.name, session.state.checkpoint, session.state.picture, session.layer),
        lambda: [
            describe(session.model, session.trace, session.block, reference, session.layer)
            for reference in stage.tensors
        ],
    )
    if not rows:
        return
    _show_heading("The tensors", "tensors")
    saved_page.note(Tensors(tuple(rows)))
    header = "| role | symbol | name | shape | type | memory | min | mean | max |"
    lines = [_table_line(row, links.of_tensor(reference)) for row, reference in zip(rows, stage.tensors, strict=True)]
    with st.container(key="table_of_tensors"):
        st.markdown(
            "\n".join([header, "|---|---|---|---|---|---:|---:|---:|---:|", *lines]),
            unsafe_allow_html=True,  # the mark of each row; nothing in it is a reader's
        )
    show_map(stage, session, rows)


def _table_line(row: TensorRow, link: Link) -> str:
    symbol = row.symbol
    if row.quantity is not None:
        symbol = rf"\textcolor{{{QUANTITIES[row.quantity].colour(scheme())}}}{{{symbol}}}"
    role = "makes" if row.made else ("learned" if row.learnable else "reads")
    cells = (
        role,
        f"${symbol}$",
        f'<span tabindex="0" {link.attributes}>`{row.name}`</span>',
        row.shape.named,
        row.dtype,
        _bytes(row.bytes),
        f"{row.minimum:.3g}",
        f"{row.mean:.3g}",
        f"{row.maximum:.3g}",
    )
    return "| " + " | ".join(cells) + " |"


def _bytes(count: int) -> str:
    if count < 10_000:
        return f"{count:,} B"
    return f"{count / 1e3:,.0f} kB" if count < 1e6 else f"{count / 1e6:,.1f} MB"


def show_code(stage: Stage) -> None:
    """The model's own source, read from the running program, with the lines that are the equations marked."""
    items: list[Equation | Formula] = [
        *stage.equations,
        *(formula for formula in stage.formulas if formula.code is not None),
    ]
    by_function: dict[str, list[Equation | Formula]] = {}
    for item in items:
        by_function.setdefault(excerpt(item).source, []).append(item)
    _show_heading("The code that computes it", "code")
    for group in by_function.values():
        numbered = [item for item in group if isinstance(item, Equation)]
        code = excerpt(group[0])
        names = ", ".join(f"Eq. {item.number}" for item in numbered) or ", ".join(item.title for item in group)
        lines = ", ".join(str(excerpt(item).number) for item in numbered or group[:1])
        # A formula has no line that is marked: the first line of its function stands for it.
        linked = {excerpt(item).line or 0: links.of_equation(item) for item in group}
        attributes = {line: f'tabindex="0" {link.attributes}' for line, link in linked.items()}
        title = f"{names} · {code.path}, line {lines}"
        saved_page.note(Code(title, code, tuple(excerpt(item).line for item in numbered)))
        st.html(
            f'<p class="vit-source">{escape(title)}</p>'
            + highlighted(code, scheme(), [excerpt(item).line for item in numbered], attributes)
        )


def show_proofs(stage: Stage, session: Session) -> None:
    """Every equation of the stage recomputed from its inputs, and the distance of the model's numbers from that."""
    claims: list[int | str] = [*stage.equation_numbers, *stage.facts]
    if not claims:
        return
    _show_heading("The proof", "proof")
    show_words(
        "Recomputed in NumPy in double precision from the inputs and the weights alone, without the model's code. "
        "The tolerance is the difference that rounding to 32 bits explains for sums of this length and size.",
        quiet=True,
    )
    proofs = [proof(session, claim) for claim in claims]
    saved_page.note(Proved(tuple(proofs)))
    lines = (_proof_line(result, links.of_proof(claim)) for result, claim in zip(proofs, claims, strict=True))
    st.html("".join(lines))


def _proof_line(proof: Proof, link: Link) -> str:
    kind, mark, verdict = ("holds", "✓", "holds") if proof.holds else ("fails", "✗", "does not hold")
    return (
        f'<div class="vit-proof vit-proof-{kind}" role="status" tabindex="0" {link.attributes}>'
        f'<span class="vit-proof-mark">{mark} {escape(proof.equation)} {verdict}</span>'
        f"<span>largest difference <b>{in_powers(proof.largest_difference)}</b> over <b>{proof.count:,}</b> numbers, "
        f"tolerance {in_powers(proof.tolerance)}</span></div>"
    )


def show_way_back(name: str) -> None:
    """The run and epoch that a page of the explainer shows, and the way back to the run's epochs."""
    _, run, epoch = name.split(":")
    with st.container(horizontal=True, vertical_alignment="center", key="run_shown"):
        st.caption(f"These are the weights after epoch {plain(epoch)} of the run {plain(run)}.")
        place = state.parameters() | {"run": run, NAME: epoch}
        st.page_link("epochs.py", label="Back to its epochs", icon=":material/history:", query_params=place)


def show_neighbours(stage: Stage | Lesson) -> None:
    """The page as a file, where it is complete in one; the way back and the way on, with everything that is chosen."""
    if isinstance(stage, Stage) or stage.name in HANDS_ON:
        saved_page.show_button(stage, current())
    st.space("medium")
    left, right = st.columns(2)
    parameters = state.parameters()
    before, after = neighbours(stage)
    with left.container(key="back"):
        if before is not None:
            st.page_link(f"{before.name}.py", label=before.title, icon=":material/arrow_back:", query_params=parameters)
    with right.container(key="next"):
        if after is not None:
            st.page_link(
                f"{after.name}.py",
                label=after.title,
                icon=":material/arrow_forward:",
                icon_position="right",
                query_params=parameters,
            )


def show_stage(
    name: str, session: Session, pictures: Callable[[Stage], None], leading: tuple[int, ...] | None = None
) -> None:
    """A whole page: ``pictures`` draws what is between the equations and the tensors.

    ``leading`` are the equations before the pictures, all of the stage's by default; ``pictures`` shows the others.
    """
    stage = STAGES[name]
    show_head(stage)
    for number in stage.equation_numbers if leading is None else leading:
        show_equation(EQUATIONS[number])
    pictures(stage)
    show_tensors(stage, session)
    if stage.equations or stage.formulas:
        show_code(stage)
    show_proofs(stage, session)
    show_neighbours(stage)
