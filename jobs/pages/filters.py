"""The template library `booper`: moments, spans, addresses and JSON, as pages show them. Everything is escaped."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from booper.content import exact_json, redaction, visible_text
from booper.timing import spans
from booper.timing.timestamps import timestamp

register = template.Library()

_LONGEST_JSON = 20_000
_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*")|(?P<value>-?\d[\d.eE+-]*|true|false|null)'
)
_CLASSES = {"key": "k", "string": "s", "value": "v"}


@register.filter
def when(moment: datetime | None) -> str:
    """In the reader's zone: the time alone on the same day, else with its date; in UTC, exactly, in its title."""
    if moment is None:
        return ""
    local, today = timezone.localtime(moment), timezone.localtime()
    shown = f"{local:%H:%M:%S}" if local.date() == today.date() else f"{local:%-d %b %Y, %H:%M:%S}"
    return _time(moment, shown)


@register.filter
def exactly(moment: datetime | None) -> str:
    """A moment written as `when` writes it, to the millisecond."""
    if moment is None:
        return ""
    local, today = timezone.localtime(moment), timezone.localtime()
    day = "" if local.date() == today.date() else f"{local:%-d %b %Y}, "
    return _time(moment, f"{day}{local:%H:%M:%S}.{local.microsecond // 1000:03d}")


def _time(moment: datetime, shown: str) -> SafeString:
    utc = timestamp(moment.astimezone(UTC))
    return format_html('<time datetime="{0}" title="{0}">{1}</time>', utc, shown)


@register.filter
def span(length: timedelta | float | None) -> str:
    """A duration in its one or two largest units; empty for none."""
    return "" if length is None else spans.span(length)


@register.filter
def until(moment: datetime | None, now: datetime) -> str:
    """How far a moment is from `now`, in words."""
    if moment is None:
        return ""
    seconds = round((moment - now).total_seconds())
    return "now" if seconds == 0 else f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"


@register.filter
def visible(text: object) -> str:
    return visible_text.visible(str(text))


@register.filter
def target(url: str) -> str:
    """Host and path of a URL, with its secrets hidden; of a service its schema, too."""
    shown = visible_text.visible(redaction.redacted_url(url))
    return shown.removeprefix("https://").removeprefix("http://") or shown


@register.filter
def host(url: str) -> str:
    return urlsplit(url).netloc


@register.filter
def pretty(value: Any) -> SafeString:
    """Indented JSON, its keys, strings and other values coloured."""
    whole = visible_text.visible(exact_json.dumps(value, is_indented=True).decode())
    cut = whole[:_LONGEST_JSON]
    more = f"\n… {len(whole) - len(cut):,} characters more" if len(whole) > len(cut) else ""
    return format_html("{}{}", format_html_join("", "{}", ((part,) for part in _coloured(cut))), more)


@register.filter
def lines(headers: Any) -> SafeString:
    """Headers, one a line; of one that came twice, each value."""
    if not isinstance(headers, dict):
        return pretty(headers)
    each = (
        (name, value) for name, found in headers.items() for value in (found if isinstance(found, list) else [found])
    )
    shown = ((visible_text.visible(str(name)), visible_text.visible(str(value))) for name, value in each)
    return format_html_join("\n", '<span class="k">{}</span>: {}', shown)


def _coloured(text: str) -> list[str]:
    parts, at = [], 0
    for match in _TOKEN.finditer(text):
        parts.append(text[at : match.start()])
        parts.append(format_html('<span class="{}">{}</span>', _CLASSES[str(match.lastgroup)], match.group()))
        at = match.end()
    return [*parts, text[at:]]


@register.filter
def thousands(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


@register.filter
def some(count: int, most: int) -> str:
    """A count that was not taken beyond `most`."""
    return f"{most:,}+" if count >= most else f"{count:,}"


@register.filter
def percent(share: float) -> str:
    """A share from 0 to 1; what is not nothing is never shown as 0."""
    return "under 1 %" if 0 < share < 0.01 else f"{share * 100:.0f} %"


@register.filter
def unlocalized(number: float) -> str:
    """As SVG reads it, whatever the language of the page."""
    return f"{number:g}"
