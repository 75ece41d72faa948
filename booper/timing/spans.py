"""Lengths of time in words, as people read them on a page, in a reason or in a terminal."""

from datetime import timedelta

_UNITS = (("day", "days", 86_400), ("h", "h", 3_600), ("min", "min", 60), ("s", "s", 1))


def span(length: timedelta | float) -> str:
    """`6 ms`, `3.1 s`, `12 s`, `4 min 5 s`, `2 days 4 h`: two units at most, without a sign. A number is of seconds."""
    seconds = abs(length.total_seconds() if isinstance(length, timedelta) else float(length))
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.0005 else "0 s"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    rest = round(seconds)
    parts: list[str] = []
    for one, many, size in _UNITS:
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount} {one if amount == 1 else many}")
        elif parts:
            break
    return " ".join(parts[:2])
