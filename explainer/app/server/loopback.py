"""Whether the reader sits at the computer that runs the server, and what of its folders others see: nothing."""

import os
import re
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st

_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
# What a browser sends when it opens the page's connection. Whatever else arrives was put in on the way.
_OF_A_BROWSER: Final = {
    *("host", "origin", "connection", "upgrade", "user-agent", "cookie", "pragma", "cache-control", "referer"),
    *("accept", "accept-encoding", "accept-language", "dnt", "priority", "te", "content-length"),
}
_OF_A_BROWSER_BEGIN: Final = ("sec-websocket-", "sec-fetch-", "sec-ch-", "sec-gpc")
# A path from the root on, up to its last part. In quotes a folder's name may have spaces, as in a command of a shell.
_FOLDERS: Final = re.compile(
    r"""(?<![\w/\\:.])(?:/|[A-Za-z]:[\\/])
    (?: (?: (?<=['"“‘]/) | (?<=['"“‘]\w:[\\/]) ) (?:[^'"”’/\\\n]+[/\\]+)+
      | (?:[^\s'"”’,;<>|/\\]+[/\\]+)+ )""",
    re.VERBOSE,
)


def is_on_this_machine() -> bool:
    """Whether the reader's browser runs where the server runs: only then may a path of this machine be named.

    Not as soon as anything is odd. A proxy on this machine looks the same to the server, but for the headers that it
    adds or leaves out; a foreign name that resolves to this machine still stands in Host and Origin.
    """
    context = st.context
    if not _is_loopback(context.ip_address):
        return False
    headers = context.headers
    if not headers:  # no browser has asked: the script runs without a server
        return True
    return all(map(_is_of_a_browser, headers)) and all(_names_loopback(headers, name) for name in ("Host", "Origin"))


def for_reader(text: str) -> str:
    """``text`` as this reader may see it: to one who sits elsewhere, a path of this machine is the last part of it.

    All that names files goes through here: sentences (``plain`` asks it), commands, logs, lines of Python.
    """
    if not _FOLDERS.search(text) or is_on_this_machine():
        return text
    return _FOLDERS.sub(lambda found: "…/" if _is_here(found.group()) else found.group(), text)


def _is_here(folders: str) -> bool:
    """Whether a path of this machine begins so; not an address of the app, "/vit/exact/", nor what no path can be."""
    root, first = Path(folders).anchor, Path(folders).parts[1:2]
    return not first or re.match("[A-Za-z]:", folders) is not None or os.path.exists(os.path.join(root, *first))


def _is_of_a_browser(name: str) -> bool:
    return name.lower() in _OF_A_BROWSER or name.lower().startswith(_OF_A_BROWSER_BEGIN)


def _names_loopback(headers: Any, name: str) -> bool:
    """Whether the header is there, once, and names this machine; a browser sends both."""
    values = headers.get_all(name)
    if len(values) != 1:
        return False
    try:
        address = urlsplit(values[0] if name == "Origin" else f"//{values[0]}")
        return address.hostname in _LOOPBACK and address.username is None and not address.path
    except ValueError:
        return False


def _is_loopback(address: str | None) -> bool:
    """Streamlit reports None for 127.0.0.1 and ::1, but ::ffff:127.0.0.1 where one socket serves both kinds."""
    if address is None:
        return True
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return False  # loopback has no zone
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback
