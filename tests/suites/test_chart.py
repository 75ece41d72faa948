"""The chart as Helm renders it: linted, judged by Kubernetes' own schemas, and of parts that find each other."""

import json
import os
import re
import shlex
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests import deployed

CHART = deployed.TEMPLATES.parent
# The oldest that the chart says it takes, and the newest there was.
KUBERNETES = ("v1.25.0", "v1.37.0")
EVERYTHING = (
    "flower.enabled=true",
    "worker.autoscaling.enabled=true",
    "imagePullSecrets[0].name=registry",
    "nodeSelector.disk=fast",
    "tolerations[0].operator=Exists",
)
Documents = list[dict[str, Any]]
Render = Callable[..., Documents]


@pytest.fixture(scope="module")
def helm(suites: Path) -> Callable[..., str]:
    program = suites / "layer" / "helm" / "helm"
    env = {**os.environ, **{f"HELM_{name}_HOME": str(suites / "helm") for name in ("CACHE", "CONFIG", "DATA")}}
    if not program.exists():
        missing = "needs a folder that .ci/suites has filled with npm there"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)

    def run(*arguments: str) -> str:
        done = subprocess.run([program, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def render(helm: Callable[..., str]) -> Render:
    def documents(*settings: str) -> Documents:
        options = [word for setting in settings for word in ("--set", setting)]
        text = helm("template", "booper", str(CHART), *options)
        return [document for document in yaml.safe_load_all(text) if document]

    return documents


@pytest.fixture(scope="module", params=KUBERNETES)
def kinds(suites: Path, request: pytest.FixtureRequest) -> dict[tuple[str, str], dict[str, Any]]:
    """The schema of each kind, which takes no field that it does not know."""
    [wheel] = suites.glob("kubernetes_validate-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        path = f"kubernetes_validate/kubernetes-json-schema/{request.param}-local/_definitions.json"
        text = archive.read(path).decode().replace("/api/_definitions.json#", "#")
    definitions = _strict(json.loads(text)["$defs"])
    found = {}
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", []):
            version = "/".join(part for part in (kind["group"], kind["version"]) if part)
            found[version, kind["kind"]] = {"$ref": f"#/$defs/{name}", "$defs": definitions}
    return found


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _strict(each) for name, each in schema.items()}
    if isinstance(made.get("properties"), dict) and "object" in made.get("type", ()):
        made.setdefault("additionalProperties", False)
    return made


def of_kind(documents: Documents, kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in documents if each["kind"] == kind}


def pods(documents: Documents) -> dict[str, dict[str, Any]]:
    """The template of each deployment's pods."""
    return {name: each["spec"]["template"] for name, each in of_kind(documents, "Deployment").items()}


def selected(documents: Documents, labels: dict[str, str]) -> list[str]:
    return [name for name, pod in pods(documents).items() if labels.items() <= pod["metadata"]["labels"].items()]


def containers(documents: Documents) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each with its name and its pod."""
    jobs = {name: each["spec"]["template"] for name, each in of_kind(documents, "Job").items()}
    for name, pod in {**pods(documents), **jobs}.items():
        [container] = pod["spec"]["containers"]
        yield name, container, pod["spec"]


def test_helm_has_nothing_to_say(helm: Callable[..., str]) -> None:
    options = [word for setting in EVERYTHING for word in ("--set", setting)]
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), *options)


@pytest.mark.parametrize("settings", [(), EVERYTHING, ("ingress.enabled=false",)], ids=["usual", "everything", "bare"])
def test_kubernetes_knows_every_kind_and_field(
    render: Render, kinds: dict[tuple[str, str], dict[str, Any]], settings: tuple[str, ...]
) -> None:
    for document in render(*settings):
        validator = jsonschema_rs.Draft202012Validator(kinds[document["apiVersion"], document["kind"]])
        wrong = [
            f"{'/'.join(map(str, each.instance_path))}: {each.message}" for each in validator.iter_errors(document)
        ]
        assert wrong == [], document["metadata"]["name"]


def test_the_schemas_refuse_a_slip(render: Render, kinds: dict[tuple[str, str], dict[str, Any]]) -> None:
    web = of_kind(render(), "Deployment")["booper-web"]
    [container] = web["spec"]["template"]["spec"]["containers"]
    container["readinesProbe"] = container.pop("readinessProbe")
    assert not jsonschema_rs.Draft202012Validator(kinds["apps/v1", "Deployment"]).is_valid(web)


def test_all_containers_are_nobody_and_write_nothing_but_their_volumes(render: Render) -> None:
    found = list(containers(render(*EVERYTHING)))
    assert [name for name, _, _ in found] == [
        f"booper-{part}" for part in ("beat", "flower", "web", "worker", "migrate")
    ]
    for _, container, pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("part", ["web", "worker", "beat"])
def test_each_part_has_probes_at_a_port_of_its_own_and_a_budget(render: Render, part: str) -> None:
    documents = render()
    [container] = pods(documents)[f"booper-{part}"]["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
    budget = of_kind(documents, "PodDisruptionBudget")[f"booper-{part}"]["spec"]
    assert (budget["maxUnavailable"], selected(documents, budget["selector"]["matchLabels"])) == (1, [f"booper-{part}"])


def test_services_and_the_ingress_lead_to_the_ports_of_their_pods(render: Render) -> None:
    documents = render(*EVERYTHING)
    services = of_kind(documents, "Service")
    for name, service in services.items():
        assert selected(documents, service["spec"]["selector"]) == [name]
        [container] = pods(documents)[name]["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    [rule] = of_kind(documents, "Ingress")["booper"]["spec"]["rules"]
    [path] = rule["http"]["paths"]
    backend = path["backend"]["service"]
    assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["spec"]["ports"]}


def test_workers_scale_by_what_is_overdue_or_are_as_many_as_said(render: Render) -> None:
    scaled, fixed = render(*EVERYTHING), render("worker.replicas=3")
    assert "replicas" not in of_kind(scaled, "Deployment")["booper-worker"]["spec"]
    assert of_kind(fixed, "Deployment")["booper-worker"]["spec"]["replicas"] == 3
    assert of_kind(fixed, "HorizontalPodAutoscaler") == {}
    scaler = of_kind(scaled, "HorizontalPodAutoscaler")["booper-worker"]["spec"]
    assert scaler["scaleTargetRef"]["name"] in of_kind(scaled, "Deployment")
    [metric] = scaler["metrics"]
    assert metric["external"]["metric"] == {
        "name": "booper_queue_overdue",
        "selector": {"matchLabels": {"lane": "jobs"}},
    }


def test_what_the_docs_install_is_what_they_say(render: Render) -> None:
    page = (deployed.ROOT / "docs" / "deployment.md").read_text()
    [command] = re.findall(r"^helm (install .*?)^```$", page, re.DOTALL | re.MULTILINE)
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:3] == ["install", "booper", str(CHART.relative_to(deployed.ROOT))]
    documents = render(*[value for option, value in pairwise(words) if option == "--set"])
    for _, container, _ in containers(documents):
        env = {each["name"]: each["value"] for each in container["env"]}
        assert container["image"] == "registry.example.com/booper:0.2.0"
        assert env["ALLOWED_HOSTS"] == "booper.example.com"
        assert (env["SECURE_PROXY"], env["BOOPER_PUBLIC_URL"]) == ("true", "https://booper.example.com")


def test_helms_own_rendering_has_the_procfiles_commands(render: Render) -> None:
    commands = {name.removeprefix("booper-"): each["command"] for name, each, _ in containers(render(*EVERYTHING))}
    assert commands == deployed.of_chart()
