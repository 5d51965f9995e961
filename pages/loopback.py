"""Whether the reader sits at the computer that runs the server."""

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

import streamlit as st

_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def is_on_this_machine() -> bool:
    """Whether the reader's browser runs where the server runs: only then may a path of this machine be named.

    A proxy on this machine would look the same, so none may have been passed on the way.
    """
    headers = st.context.headers
    hosts = [urlsplit(headers.get("Origin") or "").hostname, urlsplit(f"//{headers.get('Host') or ''}").hostname]
    return (
        _is_loopback(st.context.ip_address)
        and not any(headers.get(name) for name in _FORWARDED)
        and all(host is None or host in _LOOPBACK for host in hosts)
    )


def _is_loopback(address: str | None) -> bool:
    """Streamlit says None for 127.0.0.1 and ::1, but ::ffff:127.0.0.1 where one socket serves both kinds."""
    if address is None:
        return True
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback
