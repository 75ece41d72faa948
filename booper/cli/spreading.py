"""Several KEY=VALUE behind one flag, given to argparse one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPREAD_FLAGS = frozenset({"--data", "--query", "--field"})


# Never matches METHOD or URL: no `=` comes before the `:`, `/` or `?` of a URL, unless as `:=`.
_ITEM_SHAPE = re.compile(r"[^-=:/?#\s\[\]][^=:/?#\s\[\]]*(\[[^\[\]\s]*\])*:?=")


def spread(argv: Sequence[str]) -> list[str]:
    """`--data a=1 b=2` as `--data a=1 --data b=2`, wherever METHOD and URL stand: argparse alone would swallow them."""
    out: list[str] = []
    flag = None
    for token in argv:
        if out and out[-1] in _SPREAD_FLAGS:
            out.append(token)
            continue
        if flag and _ITEM_SHAPE.match(token):
            out.append(flag)
        else:
            name = token.partition("=")[0]
            flag = name if name in _SPREAD_FLAGS else None
        out.append(token)
    return out
