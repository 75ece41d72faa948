"""Whether the proxy that requests leave by can be used: asked once, for the doctor."""

from __future__ import annotations

from booper.outcomes import failures
from booper.outcomes.outcome import Request
from booper.sending.sender import send
from booper.targets.policy import Policy
from booper.targets.proxies import Proxy

# Of the networks for documentation: nobody has it, so what comes back is the proxy's own answer.
_NOBODY = "192.0.2.1"


def problem(proxy: Proxy, *, timeout_seconds: float = 5.0) -> str | None:
    """Why nothing can leave by `proxy`, in words without its password; None if it takes us.

    It is asked for an address that nobody has. That it refuses that, or waits for it, is as good as any answer.
    """
    policy = Policy(allow_http=True, allowed_networks=(_NOBODY,), proxy=proxy)
    request = Request("GET", f"http://{_NOBODY}/", (), None, timeout_seconds=timeout_seconds)
    failure = send(request, policy=policy).failure
    if failure is None or failure.code != failures.PROXY_UNAVAILABLE:
        return None
    return failure.message.removesuffix(failures.TRIED_AGAIN)
