"""How long each step of a request took, as libcurl has measured it; steps that there were none of are left out."""

from __future__ import annotations

from typing import Any

import pycurl


def of(easy: Any, *, waited_seconds: float) -> dict[str, float]:
    """Milliseconds of dns, connect, tls, first_byte and body, in their order; a request that failed ends with the step
    that it failed in. `waited_seconds`: from being handed over until libcurl had it, which is when names are looked up.

    Over a connection that was kept there is neither connect nor tls.
    """
    connected = easy.getinfo(pycurl.CONNECT_TIME)
    secured = easy.getinfo(pycurl.APPCONNECT_TIME)
    begun = easy.getinfo(pycurl.STARTTRANSFER_TIME)
    total = easy.getinfo(pycurl.TOTAL_TIME)
    is_ready = easy.getinfo(pycurl.PRETRANSFER_TIME) > 0
    ready = max(connected, secured)
    steps = (
        ("dns", waited_seconds),
        ("connect", connected or (0.0 if is_ready else total)),
        ("tls", secured - connected if secured else 0.0 if is_ready or not connected else total - connected),
        ("first_byte", (begun or total) - ready if is_ready else 0.0),
        ("body", total - begun if begun else 0.0),
    )
    return {name: milliseconds for name, seconds in steps if (milliseconds := round(seconds * 1000, 1)) > 0}
