"""Where jobs go, as who looks for them writes it."""

from django.db.models import Q

from booper.targets import urls


def as_stored(url: str) -> str:
    """The canonical spelling that a job's URL has, so that a client can ask for it in the one it sent."""
    try:
        return urls.parse(url, allow_http=True, allowed_networks=("0.0.0.0/0", "::/0")).url
    except urls.InvalidTarget:
        return url


def at_host(host: str) -> Q | None:
    """The condition on a job that it goes to `host`: at any port, unless that is given too. None if it is no host."""
    if not host or any(sign in host for sign in "/?#@\\"):
        return None
    condition = Q()
    for scheme in ("https", "http"):
        # Canonical, a URL ends its host with a colon, a slash or a question mark, and is in small letters up to there.
        start = as_stored(f"{scheme}://{host}/").rstrip("/")
        condition |= Q(url=start)
        for end in ("/", "?", ":"):
            condition |= Q(url__startswith=f"{start}{end}")
    return condition
