"""Writes YAML that reads back as the same, here and by readers of YAML 1.1, in the shape that people write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from booper.cli.as_code.comparison import plain
from booper.cli.as_code.files import SECTIONS
from booper.cli.as_code.yaml_scalars import DOUBTFUL, FRACTION
from booper.cli.columns import printable
from booper.client import Json

_NUMBER = "tag:booper,2026:number"
_STRING = "tag:yaml.org,2002:str"


class _Dumper(yaml.SafeDumper):
    """Puts in quotes whatever any reader takes for something else than a text, and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def represent_mapping(self, *args: Any, **how: Any) -> yaml.MappingNode:
        node = super().represent_mapping(*args, **how)
        for key, _ in node.value:
            if key.style == "|":
                key.style = '"'
        return node


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = None
    if not value.isprintable():
        lines = value.removesuffix("\n").split("\n")
        is_block = len(lines) > 1 and all(line.isprintable() for line in lines) and lines[-1] and lines[0].strip()
        style = "|" if is_block else '"'  # with escapes
    return dumper.represent_scalar(_STRING, value, style=style)


_Dumper.add_representer(str, _text)
for _pattern in (FRACTION, DOUBTFUL):
    # As the Dumper knows them by: what a plain text begins with.
    _Dumper.add_implicit_resolver(_NUMBER, _pattern, list("-+.0123456789"))


def file(content: Mapping[str, Any], *, heading: Iterable[str] = (), notes: Mapping[str, str] | None = None) -> str:
    """A file for `booper apply`. `heading` are comments at its top, `notes` comments above schedules, by their keys."""
    lines = [f"# {printable(line)}" for line in heading]
    if content.get("managed_by") is not None:
        lines += _dumped({"managed_by": content["managed_by"]})
    sections = [section for section in SECTIONS if content.get(section)]
    for section in sections:
        lines.append(f"{section}:")
        items: Mapping[str, Json] = content[section]
        for name, fields in items.items():
            if section == "schedules" and name in (notes or {}):
                lines.append(f"  # {printable((notes or {})[name])}")
            lines += [f"  {line}".rstrip() for line in _dumped({name: plain(fields)})]
    return "\n".join([*lines, *([] if sections else ["schedules: {}"])]) + "\n"


def _dumped(value: Any) -> list[str]:
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=float("inf")
    )
    return text.rstrip("\n").split("\n")
