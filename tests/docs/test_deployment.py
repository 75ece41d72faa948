"""deploy/, the Dockerfile and compose.yaml agree with the Procfile, with the settings, and with each other."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests import deployed

PARTS = {"web", "worker", "beat", "flower"}
# What the base image and systemd read themselves, and Flower by its own rule.
FOREIGN = {"WEB_ADDRESS", "FLOWER_ADDRESS"}
PLACES = {"compose.yaml": deployed.of_compose, "units": deployed.of_units, "chart": deployed.of_chart}


@pytest.mark.parametrize("place", PLACES)
def test_each_part_is_started_as_the_procfile_starts_it(place: str) -> None:
    commands = PLACES[place]()
    assert set(commands) == {*PARTS, "migrate"}
    for part, command in deployed.of_procfile().items():
        assert deployed.without_names(commands[part]) == deployed.without_names(command), part
    assert commands["migrate"] == ["python", "manage.py", "migrate", "--no-input"]


def test_the_image_starts_the_web_and_is_nobody_in_particular() -> None:
    assert deployed.of_image()["web"] == deployed.of_compose()["web"]
    text = (deployed.ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001:10001"]


def test_what_the_image_needs_is_let_in_and_no_more() -> None:
    let_in = set(re.findall(r"^!(\S+)$", (deployed.ROOT / ".dockerignore").read_text(), re.MULTILINE))
    optional = {f"requirements-{name}.txt" for name in ("apprise", "oidc", "otel", "sentry")}
    assert let_in == {"booper", "config", "jobs", "manage.py", "requirements.txt", "LICENSE", *optional}
    assert all((deployed.ROOT / name).exists() for name in let_in)


def test_nothing_of_ours_in_compose_may_write_or_gain_rights() -> None:
    own = [service for service in deployed.compose()["services"].values() if "build" in service]
    assert len(own) == 5
    for service in own:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_this_machine_reaches_compose_unless_it_is_told_otherwise() -> None:
    for service in deployed.compose()["services"].values():
        for port in service.get("ports", []):
            assert re.match(r"\$\{\w+:-127\.0\.0\.1:\d+\}:\d+$", port)


def _variables() -> set[str]:
    compose = deployed.compose()["services"]
    found = {name for service in compose.values() if "build" in service for name in service["environment"]}
    for unit in (deployed.DEPLOY / "systemd").glob("*.service"):
        for line in re.findall(r"^Environment=(.+)$", unit.read_text(), re.MULTILINE):
            found.update(entry.partition("=")[0] for entry in line.split())
    environment = (deployed.DEPLOY / "systemd" / "booper.env").read_text()
    found.update(re.findall(r"^(\w+)=", environment, re.MULTILINE))
    values = yaml.safe_load((deployed.TEMPLATES.parent / "values.yaml").read_text())
    return found | set(values["settings"])


def test_every_variable_that_is_set_is_a_setting() -> None:
    page = (deployed.ROOT / "docs" / "settings.md").read_text()
    named = {name for name in _variables() if not name.startswith("PYTHON")}
    assert len(named) > 12
    assert {name for name in named if f"`{name}`" not in page} == FOREIGN


def test_units_harden_all_parts_alike() -> None:
    hardening = {
        unit.name: unit.read_text().partition("NoNewPrivileges=")[2].partition("\n\n")[0].strip()
        for unit in (deployed.DEPLOY / "systemd").glob("*.service")
    }
    assert len(hardening) == 5
    assert len(set(hardening.values())) == 1


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze on this machine")
def test_systemd_has_nothing_to_say_of_the_units_and_finds_them_hardened(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python", "celery"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    units = []
    for unit in sorted((deployed.DEPLOY / "systemd").glob("booper*.[st]*")):
        units.append(tmp_path / unit.name)
        units[-1].write_text(unit.read_text().replace("/opt/booper/.venv/bin/", f"{programs}/"))
    verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *map(str, units)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for unit in (unit for unit in units if unit.suffix == ".service"):
        # Out of ten, for all that is open to it.
        secure = ["systemd-analyze", "security", "--offline=true", "--threshold=30", str(unit)]
        assert subprocess.run(secure, capture_output=True, timeout=60, check=False).returncode == 0, unit.name


WITH_A_PROBE = ("worker", "beat")


@pytest.mark.parametrize("part", WITH_A_PROBE)
def test_every_place_asks_workers_and_beat_whether_they_live(part: str) -> None:
    service = deployed.compose()["services"][part]
    port = service["environment"]["PROBE_ADDRESS"].rpartition(":")[2]
    assert f"http://127.0.0.1:{port}/livez" in service["healthcheck"]["test"][-1]
    [unit] = (deployed.DEPLOY / "systemd").glob(f"booper-{part}*.service")
    assert {"Type=notify", "WatchdogSec=60"} <= set(unit.read_text().splitlines())
    assert '{{- include "booper.probes" . | nindent 10 }}' in (deployed.TEMPLATES / f"{part}.yaml").read_text()


def test_the_charts_probes_ask_at_the_port_where_workers_and_beat_listen() -> None:
    helpers = (deployed.TEMPLATES / "_helpers.tpl").read_text()
    [listening] = re.findall(r'name: PROBE_ADDRESS\n +value: "0\.0\.0\.0:(\d+)"', helpers)
    probes = yaml.safe_load(helpers.partition('define "booper.probes" -}}')[2].partition("{{- end }}")[0])
    assert [port["containerPort"] for port in probes["ports"] if port["name"] == "probe"] == [int(listening)]
    asked = {kind: probe["httpGet"] for kind, probe in probes.items() if kind != "ports"}
    assert {kind: (asks["path"], asks["port"]) for kind, asks in asked.items()} == {
        "startupProbe": ("/livez", "probe"),
        "livenessProbe": ("/livez", "probe"),
        "readinessProbe": ("/readyz", "probe"),
    }


TEMPLATES = sorted(deployed.TEMPLATES.iterdir())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_value_of_a_template_is_among_the_charts_values(template: Path) -> None:
    values = yaml.safe_load((deployed.TEMPLATES.parent / "values.yaml").read_text())
    for name in re.findall(r"\.Values\.([\w.]+)", template.read_text()):
        place = values
        for key in name.split("."):
            assert key in place, name
            place = place[key]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_template_is_balanced_and_yaml_without_its_actions(template: Path) -> None:
    text = template.read_text()
    opened = re.findall(r"\{\{-? (?:if|with|range|define) ", text)
    assert len(opened) == len(re.findall(r"\{\{-? end ", text))
    for name in re.findall(r'include "([\w.]+)"', text):
        assert f'define "{name}"' in (deployed.TEMPLATES / "_helpers.tpl").read_text()
    if template.suffix == ".yaml":
        plain = re.sub(r"^\s*\{\{-.*\}\}$", "", text, flags=re.MULTILINE)
        documents = [each for each in yaml.safe_load_all(re.sub(r"\{\{.*?\}\}", "x", plain)) if each]
        assert all({"apiVersion", "kind", "metadata"} <= set(each) for each in documents)
