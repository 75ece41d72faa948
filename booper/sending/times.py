"""How long each step of a request took, as libcurl has measured it; steps that there were none of are left out."""

from __future__ import annotations

from typing import Any

import pycurl

# Less is no tenth of a millisecond.
_SHORTEST_SECONDS = 0.00005


def of(easy: Any, *, waited_seconds: float, is_encrypted: bool) -> dict[str, float]:
    """Milliseconds of dns, connect, tls, first_byte and body, in their order; a request that failed ends with the step
    that it failed in. `waited_seconds`: from being handed over until libcurl had it, which is when names are looked up.

    Over a connection that was kept there is neither connect nor tls.
    """
    # Each of these is asked of every request, so none without need.
    connected = easy.getinfo(pycurl.CONNECT_TIME)
    secured = easy.getinfo(pycurl.APPCONNECT_TIME) if is_encrypted else 0.0
    begun = easy.getinfo(pycurl.STARTTRANSFER_TIME)
    total = easy.getinfo(pycurl.TOTAL_TIME)
    is_ready = begun > 0 or easy.getinfo(pycurl.PRETRANSFER_TIME) > 0
    found: dict[str, float] = {}
    _note(found, "dns", waited_seconds)
    _note(found, "connect", connected or (0.0 if is_ready else total))
    if is_encrypted:
        _note(found, "tls", secured - connected if secured else 0.0 if is_ready or not connected else total - connected)
    if is_ready:
        _note(found, "first_byte", (begun or total) - max(connected, secured))
    if begun:
        _note(found, "body", total - begun)
    return found


def _note(found: dict[str, float], name: str, seconds: float) -> None:
    if seconds >= _SHORTEST_SECONDS:
        found[name] = round(seconds * 1000, 1)
