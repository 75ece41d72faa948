"""The commands that the Procfile, the image, compose.yaml, the units and the chart have for each part."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
TEMPLATES = DEPLOY / "helm" / "booper" / "templates"

Commands = dict[str, list[str]]


def of_procfile() -> Commands:
    lines = re.findall(r"^(\w+): (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    return {part: shlex.split(command) for part, command in lines}


def of_image() -> Commands:
    text = (ROOT / "Dockerfile").read_text()
    found = re.findall(r"^( *)CMD (\[.+\])$", text, re.MULTILINE)
    return {"health" if indent else "web": json.loads(command) for indent, command in found}


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return document


def of_compose() -> Commands:
    own = {part: service for part, service in compose()["services"].items() if "build" in service}
    return {part: service["command"] for part, service in own.items()}


def of_units() -> Commands:
    found = {}
    for unit in (DEPLOY / "systemd").glob("*.service"):
        [command] = re.findall(r"^ExecStart=/opt/booper/\.venv/bin/(.+)$", unit.read_text(), re.MULTILINE)
        found[unit.stem.removeprefix("booper-").rstrip("@")] = shlex.split(command)
    return found


def of_chart() -> Commands:
    found = {}
    for template in TEMPLATES.glob("*.yaml"):
        for command in re.findall(r"^          command: (\[.+\])$", template.read_text(), re.MULTILINE):
            found[template.stem] = yaml.safe_load(command)
    return found


def without_names(command: list[str]) -> list[str]:
    """Without where it listens and what it is called, in which the places may differ."""
    kept = list(command)
    for option in ("--bind", "--hostname"):
        if option in kept:
            del kept[kept.index(option) + 1]
    return kept
