"""The tensors of a stage as an HTML table."""

from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from explainer.links import Link
from explainer.notation.mathml import mathml
from explainer.palette import QUANTITIES
from explainer.tensors import TensorRow


def tensor_table(rows: Iterable[tuple[TensorRow, Link]], files: str = "") -> str:
    """The tensors of a stage with their shapes, their memory and a summary of their numbers.

    ``files`` is where the tensors are to be had as files, each by its key, all under the name of the stage; empty where
    there is no server. The browser adds the reader's choice.
    """
    names = ("role", "symbol", "name", "shape", *(["keep"] if files else []), "type", "memory", "min", "mean", "max")
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(_table_line(row, link, files) for row, link in rows)
    table = f'<table class="vit-tensors"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    everything = _file_link(files, "safetensors", "Keep all of them as one file (.safetensors)")
    return table + (f'<p class="vit-save">{everything}</p>' if files else "")


def _file_link(address: str, end: str, words: str = "", of: str = "") -> str:
    """A link that keeps a file; the browser writes its address, with the choice."""
    label = f' aria-label="{escape(of)} as .{end}"' if of else ""
    return f'<a data-path="{quote(address)}.{end}"{label} download>{words or f".{end}"}</a>'


def _table_line(row: TensorRow, link: Link, files: str) -> str:
    role = "makes" if row.made else ("learned" if row.learnable else "reads")
    name = f'<span tabindex="0" {link.attributes}><code>{escape(row.name)}</code></span>'
    kept = " ".join(_file_link(f"{files}/{row.key}", end, of=row.name) for end in ("npy", "safetensors"))
    cells = [role, symbol_of(row), name, escape(row.shape.named), *([kept] if files else []), row.dtype]
    cells += [_memory(row.bytes), *(f"{value:.3g}" for value in (row.minimum, row.mean, row.maximum))]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _memory(count: int) -> str:
    if count < 10_000:
        return f"{count:,} B"
    return f"{count / 1e3:,.0f} kB" if count < 1e6 else f"{count / 1e6:,.1f} MB"


def symbol_of(row: TensorRow) -> str:
    """The symbol of a tensor in its colour, as MathML."""
    colour = QUANTITIES[row.quantity].light if row.quantity else ""
    return mathml(rf"\textcolor{{{colour}}}{{{row.symbol}}}" if colour else row.symbol)
