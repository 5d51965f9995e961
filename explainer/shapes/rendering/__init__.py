"""A ledger for readers: as HTML, as text for a terminal, and as files for other programs."""
