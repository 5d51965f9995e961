"""A ledger for readers: as HTML, as text for a terminal, and as files for other programs."""

from explainer.shapes.rendering import exports, html, text_table

__all__ = ["exports", "html", "text_table"]
