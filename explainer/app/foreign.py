"""Text from outside, shown as text: file names, class names, labels, and all text of a link.

Streamlit reads nearly everything as Markdown: sentences, labels, tooltips, options of radio buttons and pills,
captions, values of metrics, cells of ``st.table``. Options of a selectbox or a multiselect, placeholders,
``st.code``, ``st.text`` are text.
"""

import re
from typing import Final

from explainer.app.server.loopback import for_reader

# A backslash takes the meaning from a mark of Markdown; a few are marks at the beginning of a line only.
_MARK: Final = r"[\\`*\[\]<>&|~${}]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[-+#=]|^\d{1,9}[.)]"
# Addresses, icons and arrows are looked for after Markdown is read, when the backslashes are gone, in each piece of
# text by itself. So one character of each stands in a piece of its own: a directive that gives a plain <span>.
_ALONE: Final = r":(?=\S|$)|@|(?<=www)\.|(?<=[-~<>=])[-<>=]"
_EITHER: Final = re.compile(f"(?P<alone>{_ALONE})|(?P<mark>{_MARK})", re.IGNORECASE)
# What no font shows, and what turns round the text that follows.
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def plain(text: object, most: int = 1000) -> str:
    """``text`` as Markdown that shows these characters and means nothing else, in one line of at most ``most``.

    A character that cannot be shown, or that would turn round what follows it, becomes U+FFFD. To a reader from
    elsewhere a path of this machine shows its last part alone.
    """
    line = _UNSEEN.sub("\ufffd", " ".join(for_reader(str(text)).split()))
    if len(line) > most:
        line = f"{line[: most - 1]}…"
    return _EITHER.sub(_escaped, line)


def _escaped(found: re.Match[str]) -> str:
    text = found.group()  # of "12." the last character is the mark
    return f":color[\\{text}]" if found["alone"] else f"{text[:-1]}\\{text[-1]}"
