"""A URL becomes a target in one canonical spelling, or is refused with the words that mend it. No name is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Literal
from urllib.parse import quote

import idna

from booper.targets import ports as target_ports
from booper.targets.addresses import Address, Network, blocked_reason
from booper.targets.ports import Ports

MAX_URL_LENGTH = 2048
# A `query` may make the URL longer than the field `url` may be.
MAX_SENT_LENGTH = 16_384

_MAX_HOST_LENGTH = 253
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Private by convention or by reservation. What such a name means depends on the machine that looks it up.
_PRIVATE_SUFFIXES = (
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "home.arpa",
    "lan",
)

# Controls, every kind of white space, backslashes and lone surrogates: URL parsers disagree about each of them.
_FORBIDDEN = re.compile("[\x00-\x20\x7f-\xa0\\\\\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff\ud800-\udfff]")
_SHAPE = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE)
_BRACKETED = re.compile(r"\[([^\[\]]*)\](?::(.*))?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# What RFC 3986 does not allow in a path or a query, escapes apart.
_TO_ENCODE = re.compile(r"(?:[^!$%&'()*+,\-./0-9:;=?@A-Z_a-z~]|%(?![0-9A-Fa-f]{2}))+")
# A secret is put in when the request is sent, and `{{{{` stands for two braces until then.
_REFERENCE = re.compile(r"(\{\{\{\{|\{\{secret:[^{}]*\}\})")

Kind = Literal["invalid", "blocked"]


class InvalidTarget(ValueError):
    """The message says what is wrong with the URL and what to write instead.

    `kind` is "invalid" for what is no such URL, and "blocked" for one that names what may not be contacted.
    """

    def __init__(self, message: str, *, kind: Kind = "invalid") -> None:
        super().__init__(message)
        self.message = message
        self.kind: Kind = kind


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    url: str
    """Canonical and in ASCII: host in lower case, no fragment, no default port; path and query as in `path`."""
    scheme: str
    """http or https."""
    host: str
    """A name as its A-label without a trailing dot, or an address without brackets."""
    port: int
    address: Address | None
    """Set if the host is an address; a name has none until it is dialled."""
    path: str
    """Path and query, as the request line has them: as they were given, what RFC 3986 has no room for escaped."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """What `parse` takes by these names."""

    allow_http: bool
    allowed_networks: tuple[str | Network, ...]
    blocked_networks: tuple[str | Network, ...]
    ports: Ports | None


def parse(
    url: str,
    *,
    allow_http: bool,
    allowed_networks: Iterable[str | Network] = (),
    blocked_networks: Iterable[str | Network] = (),
    ports: Ports | None = None,
    max_length: int = MAX_URL_LENGTH,
    keep_references: bool = False,
) -> Target:
    """The target of `url`, or InvalidTarget. With `keep_references`, `{{secret:NAME}}` stands in it as it was written.

    An address is judged here, against `addresses.blocked_reason`. A name is judged when it is dialled, but one that is
    private by convention (localhost, a single label, *.internal) is refused here already, unless `allowed_networks`
    opens something: then its address decides. Ports of well-known other protocols are refused whatever is allowed, and
    with `ports` all others but those.
    """
    if not isinstance(url, str):
        raise InvalidTarget(f"a URL is a string such as https://example.com/path, not {type(url).__name__}")
    rules = _Rules(allow_http, tuple(allowed_networks), tuple(blocked_networks), ports)
    return _parse(url, rules, max_length, keep_references)


# A job is parsed when it is created and at each attempt, and much of what is sent goes to the same few URLs.
@lru_cache(maxsize=4096)
def _parse(url: str, rules: _Rules, max_length: int, keep_references: bool) -> Target:
    scheme, authority, given = _split(url, max_length=max_length)
    parts = _REFERENCE.split(given) if keep_references else [given]
    # Every second part is a reference.
    rest = "".join(part if place % 2 else _escaped(part) for place, part in enumerate(parts))
    host, address, port_text = _host_and_port(authority)
    port = _DEFAULT_PORTS[scheme] if port_text is None else _parse_port(port_text)
    if scheme == "http" and not rules.allow_http:
        raise InvalidTarget(f"http:// is not taken here: use https://{_shown(authority)}")
    _refuse_blocked(host, address, port, rules)
    netloc = f"[{host}]" if isinstance(address, IPv6Address) else host
    if port != _DEFAULT_PORTS[scheme]:
        netloc = f"{netloc}:{port}"
    canonical = f"{scheme}://{netloc}{rest}"
    if len(canonical) > max_length:
        raise InvalidTarget(
            f"the URL has {len(canonical)} characters once percent-encoded; at most {max_length} are taken"
        )
    return Target(url=canonical, scheme=scheme, host=host, port=port, address=address, path=rest)


def with_query(url: str, query: Mapping[str, Any], *, max_length: int | None = None) -> str:
    """`url` with `query` appended to the query it has; InvalidTarget if that makes it longer than `max_length`.

    A list repeats its key, a nested object is written with brackets (`a[b]=c`, percent-encoded), booleans are
    true and false, None is left out. What UTF-8 can't hold (lone surrogates) becomes a question mark.
    """
    if not query:
        return url
    address, hash_mark, fragment = url.partition("#")
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    pairs: list[str] = []
    length = len(url) + len(joint)
    for path, value in _leaves(query):
        pair = f"{_quoted(_bracketed(path))}={_quoted(value)}"
        length += len(pair) + (1 if pairs else 0)
        # Not only at the end: a list of a thousand values repeats a key of 100 kB a thousand times.
        if max_length is not None and length > max_length:
            raise InvalidTarget(f"with its query the URL has more than the {max_length} characters that are taken")
        pairs.append(pair)
    return f"{address}{joint}{'&'.join(pairs)}{hash_mark}{fragment}" if pairs else url


def _split(url: str, *, max_length: int) -> tuple[str, str, str]:
    """Scheme in lower case; authority, and path with query, as given."""
    if len(url) > max_length:
        raise InvalidTarget(f"the URL has {len(url)} characters; at most {max_length} are taken")
    if forbidden := _FORBIDDEN.search(url):
        raise InvalidTarget(
            f"the URL has {forbidden[0]!a} at position {forbidden.start()}: percent-encode spaces, "
            "control characters and backslashes"
        )
    shape = _SHAPE.fullmatch(url)
    if shape is None:
        raise InvalidTarget(f"{_shown(url)} is not an absolute URL: begin it with https:// and a host")
    scheme, authority, path, query = shape.groups()
    return scheme.lower(), authority, (path or "/") + (query or "")


def _escaped(text: str) -> str:
    return _TO_ENCODE.sub(lambda found: quote(found[0], safe=""), text)


def _host_and_port(authority: str) -> tuple[str, Address | None, str | None]:
    if "@" in authority:
        raise InvalidTarget("the URL has user information before an @: send credentials in a header instead")
    if authority.startswith("["):
        bracketed = _BRACKETED.fullmatch(authority)
        if bracketed is None:
            raise InvalidTarget(f"{_shown(authority)} is not an IPv6 address in brackets with an optional :port")
        ipv6 = _parse_ipv6(bracketed[1])
        return str(ipv6), ipv6, bracketed[2]
    host, colon, port = authority.partition(":")
    if ":" in port:
        raise InvalidTarget(f"{_shown(authority)} has more than one colon: write an IPv6 address in brackets, [::1]")
    name = _parse_name(host)
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        ipv4 = _parse_ipv4(name)
        return str(ipv4), ipv4, port if colon else None
    return name, None, port if colon else None


def _parse_ipv6(text: str) -> IPv6Address:
    try:
        address = IPv6Address(text)
    except AddressValueError:
        raise InvalidTarget(f"{_shown(text)} in brackets is not an IPv6 address") from None
    if address.scope_id is not None:
        raise InvalidTarget(f"{_shown(text)} has a zone, which means something on one machine only: leave it out")
    return address


def _parse_ipv4(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise InvalidTarget(
            f"the host {_shown(text)} is a number but not an IPv4 address: write four decimal numbers, as in 192.0.2.1"
        ) from None


def _parse_name(host: str) -> str:
    """Gives the name in lower case, as A-labels, without the trailing dot. Digits of any script become plain."""
    if "%" in host:
        raise InvalidTarget(f"the host {_shown(host)} is percent-encoded: write it in plain letters")
    try:
        name = host.lower() if host.isascii() else _to_ascii(host)
    except UnicodeError:
        raise InvalidTarget(
            f"the host {_shown(host)} is not an internationalised domain name: write its A-label xn--..."
        ) from None
    name = name.removesuffix(".")
    if not name:
        raise InvalidTarget("the URL has no host: write it as https://example.com/path")
    if len(name) > _MAX_HOST_LENGTH:
        raise InvalidTarget(f"the host has {len(name)} characters; a DNS name has at most {_MAX_HOST_LENGTH}")
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            raise InvalidTarget(
                f"the host {_shown(host)} is not a DNS name: {_shown(label)} must be 1 to 63 letters, digits and "
                "hyphens, with no hyphen at either end"
            )
    return name


def _to_ascii(host: str) -> str:
    mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
    return ".".join(label if label.isascii() else idna.alabel(label).decode() for label in mapped.split("."))


def _parse_port(text: str) -> int:
    port = target_ports.parse_port(text)
    if port is None:
        raise InvalidTarget(f"the port {_shown(text)} is not a number from 1 to 65535")
    return port


def _refuse_blocked(host: str, address: Address | None, port: int, rules: _Rules) -> None:
    if address is not None:
        if reason := blocked_reason(address, rules.allowed_networks, rules.blocked_networks):
            raise InvalidTarget(f"{host} may not be contacted: {reason}", kind="blocked")
    elif not rules.allowed_networks and (reason := _private_name_reason(host)):
        raise InvalidTarget(f"{host} may not be contacted: {reason}", kind="blocked")
    if refusal := target_ports.refusal(port, rules.ports):
        raise InvalidTarget(refusal, kind="blocked")


def _private_name_reason(host: str) -> str | None:
    for suffix in _PRIVATE_SUFFIXES:
        if host == suffix or host.endswith(f".{suffix}"):
            return f"names under {suffix} are private"
    if "." not in host:
        return "a name without a dot is private"
    return None


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The plain values of a query, each with the keys that lead to it; lists have none."""
    if isinstance(value, Mapping):
        for key, nested in value.items():
            yield from _leaves(nested, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item, path)
    elif isinstance(value, bool):
        yield path, "true" if value else "false"
    elif value is not None:
        yield path, str(value)


def _bracketed(path: tuple[str, ...]) -> str:
    return path[0] + "".join(f"[{key}]" for key in path[1:])


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _shown(text: str) -> str:
    """Gives the text in quotes, in ASCII, and cut: the message may end up in a log line or on a terminal."""
    return ascii(text if len(text) <= 80 else f"{text[:77]}...")
