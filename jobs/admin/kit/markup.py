"""The HTML of values that strangers chose: everything is escaped, nothing of theirs becomes a link."""

from datetime import UTC, datetime
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from booper.content import exact_json
from booper.content.visible_text import visible
from booper.timing.timestamps import timestamp

NOTHING = "\N{EN DASH}"


def text(value: object, *, limit: int = 0) -> str:
    """The value on a line of its own direction, cut to `limit` characters (0: all); the whole is its title."""
    if value is None or value == "":
        return NOTHING
    whole = visible(str(value))
    if limit and len(whole) > limit:
        return format_html('<bdi title="{}">{}…</bdi>', whole[:2048], whole[: limit - 1])
    return format_html("<bdi>{}</bdi>", whole)


def moment(value: datetime | None) -> str:
    """Shows a moment to the second, in UTC; its title has the microseconds."""
    if value is None:
        return NOTHING
    utc = value.astimezone(UTC)
    exact = timestamp(utc)
    return format_html('<time datetime="{0}" title="{0}">{1}</time>', exact, f"{utc:%Y-%m-%d %H:%M:%S}")


def badge(state: str) -> SafeString:
    return format_html('<span class="state state-{0}">{0}</span>', state)


def link(admin_page: str, *arguments: object, label: object, query: str = "") -> SafeString:
    """A link to a page of this admin, by the name of its URL; `query` is put together by us, never by a tenant."""
    return format_html('<a href="{}{}">{}</a>', reverse(f"admin:{admin_page}", args=arguments), query, label)


def pretty(value: Any) -> str:
    return visible(exact_json.dumps(value, is_indented=True).decode())


def json_block(value: Any, *, limit: int, more: str = "") -> SafeString:
    """Indented JSON, cut after `limit` characters; `more` is a link to the whole. Keys scroll it too."""
    whole = pretty(value)
    if len(whole) <= limit:
        return format_html('<pre class="json" tabindex="0">{}</pre>', whole)
    return format_html('<pre class="json" tabindex="0">{}…</pre>{}', whole[:limit], cut_note(len(whole), more))


def cut_note(length: int, more: str) -> SafeString:
    return format_html('<p class="cut">Cut: {} characters in all. {}</p>', f"{length:,}", more)
