"""Which ports may be dialled: none of well-known other protocols, and of the rest what this installation allows."""

from __future__ import annotations

import re

Ports = tuple[tuple[int, int], ...]
"""Ranges of ports, both ends included; no two of them touch, and they are in order."""

# What browsers refuse (the Fetch standard's "bad ports"), as a request's first line can be a command to what listens.
_BAD_PORTS_OF_BROWSERS = frozenset(
    (
        *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109),
        *(110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530),
        *(531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045),
        *(4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    )
)
_PORTS_OF_SERVICES = {
    445: "SMB",
    873: "rsync",
    1433: "Microsoft SQL Server",
    1434: "Microsoft SQL Server",
    1521: "Oracle Database",
    1883: "MQTT",
    2181: "ZooKeeper",
    2375: "Docker",
    2376: "Docker",
    2379: "etcd",
    2380: "etcd",
    3306: "MySQL",
    3389: "Remote Desktop",
    4369: "Erlang's port mapper",
    5432: "PostgreSQL",
    5671: "AMQP",
    5672: "AMQP",
    5900: "VNC",
    6379: "Redis",
    6380: "Redis",
    6432: "PgBouncer",
    8883: "MQTT",
    9042: "Cassandra",
    9092: "Kafka",
    9300: "Elasticsearch",
    10250: "Kubernetes",
    11211: "memcached",
    25672: "RabbitMQ",
    26379: "Redis Sentinel",
    27017: "MongoDB",
    27018: "MongoDB",
    27019: "MongoDB",
    50000: "Db2",
    61616: "ActiveMQ",
}

_PORT = re.compile(r"[1-9][0-9]{0,4}")
_HIGHEST = 65_535


def parse_port(text: str) -> int | None:
    """The number from 1 to 65535 that `text` is in plain digits, or None."""
    return int(text) if _PORT.fullmatch(text) and int(text) <= _HIGHEST else None


def parse_ports(text: str) -> Ports:
    """The ports of a list such as "80, 443, 8000-8999". ValueError says what of it is none, or is never dialled."""
    ranges: list[tuple[int, int]] = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        first_text, dash, last_text = (part.strip() for part in entry.partition("-"))
        first, last = parse_port(first_text), parse_port(last_text if dash else first_text)
        if first is None or last is None or first > last:
            raise ValueError(
                f"{entry[:40]!a} is neither a port from 1 to {_HIGHEST} nor a range of them such as 8000-8999"
            )
        if first == last and (service := _service(first)):
            raise ValueError(f"port {first} is for {service}, not HTTP, and is never dialled: leave it out")
        ranges.append((first, last))
    if not ranges:
        raise ValueError("there is no port in it")
    return _joined(ranges)


def refusal(port: int, allowed: Ports | None = None) -> str | None:
    """Why `port` may not be dialled, or None if it may. `allowed` None: all but those of other protocols may."""
    if service := _service(port):
        return f"port {port} may not be contacted: it is for {service}, not HTTP"
    if allowed is not None and not any(first <= port <= last for first, last in allowed):
        return f"port {port} may not be contacted: here that is only {shown(allowed)}"
    return None


def shown(allowed: Ports) -> str:
    """The ports as `parse_ports` reads them."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in allowed)


def _service(port: int) -> str | None:
    if port in _PORTS_OF_SERVICES:
        return _PORTS_OF_SERVICES[port]
    return "another protocol" if port in _BAD_PORTS_OF_BROWSERS else None


def _joined(ranges: list[tuple[int, int]]) -> Ports:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)
