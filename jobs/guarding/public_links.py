"""Addresses of pages as the world sees them: by BOOPER_PUBLIC_URL, never by what a request says its host is."""

from urllib.parse import urlsplit

from django.conf import settings


def to(path: str) -> str:
    """The whole address of a path of this instance."""
    public = urlsplit(settings.BOOPER_PUBLIC_URL)
    return f"{public.scheme}://{public.netloc}{settings.BOOPER_BASE_PATH}{path}"
