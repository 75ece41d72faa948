"""Where requests may go on this instance: what a URL has to be to be dialled, for what is taken in and what follows."""

from typing import Any

from django.conf import settings

from booper.targets import urls


def target(value: Any) -> urls.Target:
    """The target of a request by BOOPER_ALLOW_HTTP_TARGETS and what else an operator has set. Raises InvalidTarget."""
    return urls.parse(
        value,
        allow_http=settings.BOOPER_ALLOW_HTTP_TARGETS,
        allowed_networks=settings.BOOPER_ALLOWED_TARGET_NETWORKS,
        blocked_networks=settings.BOOPER_BLOCKED_TARGET_NETWORKS,
        ports=settings.BOOPER_TARGET_PORTS,
        keep_references=True,
    )
