"""Text from outside reaches Streamlit through ``explainer.app.foreign.plain``."""

import pytest

from explainer.app.foreign import plain
from tests.app_files import app_files
from tests.markdown_calls import Pages

ORDINARY = ["", "cat", "my_cat.png", "60 images, 2 classes", "run 3 (best): 0.5 %", "Müller's é中🙂", "a-b c/d"]


@pytest.mark.parametrize("text", ORDINARY)
def test_what_means_nothing_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_it_is_one_line_of_bounded_length_that_can_be_sent() -> None:
    assert plain("a\n\n# b\t c") == "a # b c"
    assert plain("x" * 50, 10) == "x" * 9 + "…"
    assert plain("a\x00b\udc80c\u202ed") == "a\ufffdb\ufffdc\ufffdd"
    plain("".join(map(chr, range(0x110000))), 0x110000).encode()


def test_marks_lose_their_meaning() -> None:
    assert plain("![x](http://e.test)") == r"!\[x\](http:color[\:]//e.test)"
    assert plain("**a** $b$ `c` _d_ <e>") == r"\*\*a\*\* \$b\$ \`c\` \_d\_ \<e\>"
    assert plain("1. a") == r"1\. a"
    assert plain("a@b.cd www.x -> y") == r"a:color[\@]b.cd www:color[\.]x -:color[\>] y"


# What cannot be seen to be the source's own from the syntax alone, and is: somebody has looked where it comes from.
OWN = {
    *("plain", "percent", "in_powers", "written_shift"),
    # texts and titles of assets/ and of the registries
    *("text", "stage.title", "before.title", "after.title", "prose.titles", "prose.sections"),
    # the lab's mistakes, the course's and the repository's figures, and what is counted from them
    *("lab.chosen.question", "lab.chosen.hints", "lab.sizes.fill", "how_to_load", "source.url", "transfer.verdict"),
    *("tables.case_for_one_class", "tables.weight_of_the_single_picture", "tables.contradiction"),
    *("what_it_says", "best_epochs"),
    *("tables.reading_table", "tables.training_table", "tables.figures_table", "figures_table"),
    # numbers, shapes and names of the model's own tensors
    *("_batches.get_or_make", "torch.get_num_threads", "table_of", "count_text", "opinion.shapes"),
    "explanation.coloured",
    # no methods of Streamlit
    *("state.write", "archive.write", "EXAMPLES[name].write", "html.table"),
}


def sources() -> dict[str, str]:
    files = app_files()
    assert len(files) > 95
    return {name: path.read_text(encoding="utf-8") for name, path in files.items()}


def test_nothing_from_outside_is_read_as_markdown() -> None:
    assert list(Pages(sources(), OWN).unsafe()) == []


def test_each_listed_expression_is_needed() -> None:
    pages = Pages(sources(), OWN)
    list(pages.unsafe())
    assert OWN - pages.met == set()


@pytest.mark.parametrize(
    "planted",
    [
        "st.markdown(name)",
        "st.warning(f'There is no {name}.')",
        "st.error(str(error))",
        "st.caption('a ' + st.query_params['picture'])",
        "place.info(name or 'none')",
        "st.button('ok', help=name)",
        "st.button(label=f'Open {name}')",
        "st.radio('one', names)",
        "st.pills('one', NAMES, format_func=lambda each: names[each])",
        "st.pills('one', NAMES, format_func=titled)",
        "st.metric('a', name)",
        "st.progress(0.5, text=name)",
        "with st.expander(name): pass",
        "lines = ['a']\nlines.append(name)\nst.markdown('\\n'.join(lines))",
        "lines = ['a']\nlines += [f'| {each} |' for each in names]\nst.markdown('\\n'.join(lines))",
        "common = {'label': name}\nst.checkbox(**common)",
        "def show(words):\n    st.markdown(words)\nshow('a')\nshow(name)",
        "def words():\n    return name\nst.markdown(words())",
        "for each in names:\n    st.caption(each)",
        "st.write(f'{name:>10}')",
        "st.image(picture, caption=name)",
        "st.tabs([name])",
    ],
)
def test_it_would_be_found(planted: str) -> None:
    assert list(Pages({"planted": f"name, names, error = read()\n{planted}"}, {"plain"}).unsafe()) != []


@pytest.mark.parametrize(
    "planted",
    [
        "st.markdown(plain(name))",
        "st.warning(f'There is no {plain(name)}: {number:,} of {len(names)}, {share:.1%}.')",
        "st.radio('one', names, format_func=plain)",
        "st.selectbox('one', names)",
        "for label, step in (('Back', -1), ('Next', 1)):\n    st.button(label, on_click=step)",
        "def show(words, count: int):\n    st.markdown(f'{words} {count}')\nshow('a', 1)\nshow(plain(name), 2)",
        "st.code(name)",
    ],
)
def test_the_safe_ways_are_known(planted: str) -> None:
    assert list(Pages({"planted": f"name, names = read()\n{planted}"}, {"plain"}).unsafe()) == []
