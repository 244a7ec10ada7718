"""Our policy for Kubernetes manifests finds each kind of fault. `make verify-k8s` applies it to the complete
overlays.

The rule about `enableServiceLinks` comes from a script, `vllm_service_name.sh`, that is not in the repository.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from asr_service.config import AsrSettings
from common.settings import ProcessSettings, is_secret
from deploy.k8s.policy import WORKLOADS, problems
from gateway.config import GatewaySettings
from llm_service.config import LlmSettings
from tests.support.mesh import ROOT
from tts_service.config import TtsSettings

MANIFESTS = [
    *sorted((ROOT / "deploy" / "k8s" / "base").glob("*.yaml")),
    ROOT / "deploy" / "envoy" / "envoy-deployment.yaml",
    ROOT / "deploy" / "k8s" / "components" / "vllm" / "vllm.yaml",
]

LABELS = {"app.kubernetes.io/name": "asr"}
SOUND: list[dict[str, Any]] = [
    {
        "kind": "Deployment",
        "metadata": {"name": "asr"},
        "spec": {
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [
                        {
                            "name": "asr",
                            "image": "aitalk/asr:0.1.0",
                            "startupProbe": {},
                            "readinessProbe": {},
                            "livenessProbe": {},
                            "resources": {
                                "requests": {"cpu": "1", "memory": "1Gi"},
                                "limits": {"cpu": "2", "memory": "2Gi"},
                            },
                            "securityContext": {
                                "readOnlyRootFilesystem": True,
                                "allowPrivilegeEscalation": False,
                                "capabilities": {"drop": ["ALL"]},
                            },
                        }
                    ],
                },
            }
        },
    },
    {"kind": "Service", "metadata": {"name": "asr"}, "spec": {"selector": LABELS}},
    {
        "kind": "NetworkPolicy",
        "metadata": {"name": "asr"},
        "spec": {"podSelector": {"matchLabels": LABELS}, "ingress": [{}]},
    },
    {"kind": "PodDisruptionBudget", "metadata": {"name": "asr"}, "spec": {"selector": {"matchLabels": LABELS}}},
    {
        "kind": "ScaledObject",
        "metadata": {"name": "asr"},
        "spec": {"scaleTargetRef": {"name": "asr"}, "triggers": [{"type": "prometheus"}]},
    },
]

Spoil = Callable[[dict[str, Any]], object]


def test_sound_manifests_have_no_problems() -> None:
    assert problems(SOUND) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda pod: pod["securityContext"].pop("runAsNonRoot"), "runAsNonRoot"),
        (lambda pod: pod["securityContext"].pop("seccompProfile"), "seccomp"),
        (lambda pod: pod.pop("automountServiceAccountToken"), "token"),
        (lambda pod: pod.pop("enableServiceLinks"), "enableServiceLinks"),
        (lambda pod: pod["containers"][0].update(envFrom=[{"secretRef": {"name": "s"}}]), "a whole secret"),
        (lambda pod: pod["containers"][0].pop("startupProbe"), "no startupProbe"),
        (lambda pod: pod["containers"][0].pop("readinessProbe"), "no readinessProbe"),
        (lambda pod: pod["containers"][0].pop("livenessProbe"), "no livenessProbe"),
        (lambda pod: pod["containers"][0]["resources"]["limits"].pop("memory"), "no limits.memory"),
        (lambda pod: pod["containers"][0]["resources"].pop("requests"), "no requests.cpu"),
        (lambda pod: pod["containers"][0]["securityContext"].pop("readOnlyRootFilesystem"), "write to its image"),
        (lambda pod: pod["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"), "privileges"),
        (lambda pod: pod["containers"][0]["securityContext"].pop("capabilities"), "capabilities"),
        (lambda pod: pod["containers"][0].update(image="aitalk/asr"), "pinned image"),
        (lambda pod: pod["containers"][0].update(image="host:5000/asr:latest"), "pinned image"),
        (lambda pod: pod.update(initContainers=[{"name": "init", "image": "busybox:1"}]), "container init"),
    ],
)
def test_each_fault_of_a_pod_is_named(spoil: Spoil, said: str) -> None:
    documents = copy.deepcopy(SOUND)
    spoil(documents[0]["spec"]["template"]["spec"])
    assert any(said in problem for problem in problems(documents))


@pytest.mark.parametrize(
    ("kind", "said"), [("NetworkPolicy", "no NetworkPolicy"), ("PodDisruptionBudget", "no PodDisruptionBudget")]
)
def test_a_missing_kind_of_object_is_reported(kind: str, said: str) -> None:
    assert any(said in problem for problem in problems([one for one in SOUND if one["kind"] != kind]))


def test_a_policy_that_lets_nobody_in_does_not_count() -> None:
    documents = copy.deepcopy(SOUND)
    documents[2]["spec"]["ingress"] = []
    assert any("no NetworkPolicy" in problem for problem in problems(documents))


def test_scaling_is_of_something_that_exists_and_not_by_cpu() -> None:
    documents = copy.deepcopy(SOUND)
    documents[4]["spec"]["scaleTargetRef"]["name"] = "nobody"
    assert any("no such Deployment" in problem for problem in problems(documents))
    documents[4]["spec"]["triggers"] = [{"type": "cpu"}]
    assert any("scales by CPU" in problem for problem in problems(documents))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_the_pods_of_our_manifests_are_sound(path: Path) -> None:
    """Each file is checked alone, without the overlays' additions. `make verify-k8s` also checks network policies
    and disruption budgets."""
    for document in yaml.safe_load_all(path.read_text()):
        if document and document["kind"] in WORKLOADS:
            found = [one for one in problems([document]) if "PodDisruptionBudget" not in one]
            assert [one for one in found if "no pinned image" not in one] == []


def test_who_calls_the_models_can_not_reach_envoys_admin_port() -> None:
    """Only the monitoring may reach the port. All policies are read, because the policies of one pod add up."""
    base, envoy = (ROOT / "deploy" / "k8s" / "base" / "network-policies.yaml", ROOT / "deploy" / "envoy")
    documents = [*yaml.safe_load_all(base.read_text())]
    documents += yaml.safe_load_all((envoy / "envoy-deployment.yaml").read_text())
    (pod,) = [one["spec"]["template"] for one in documents if one and one["kind"] == "Deployment"]
    labels = pod["metadata"]["labels"]
    policies = [one["spec"] for one in documents if one and one["kind"] == "NetworkPolicy"]
    about_envoy = [one for one in policies if one["podSelector"].get("matchLabels", {}).items() <= labels.items()]
    rules = [rule for one in about_envoy for rule in one.get("ingress", ())]
    admin = [rule for rule in rules if "ports" not in rule or 9901 in [port["port"] for port in rule["ports"]]]
    assert [rule["from"] for rule in admin] == [
        [{"namespaceSelector": {"matchLabels": {"aitalk.io/monitoring": "true"}}}]
    ]
    to_models = [rule for rule in rules if 50051 in [port["port"] for port in rule.get("ports", ())]]
    assert len(to_models) == 1


def compose() -> dict[str, dict[str, Any]]:
    """The services with an image, from all compose files."""
    files = ("docker-compose.yml", "deploy/keycloak/docker-compose.yml")
    found = [item for file in files for item in yaml.safe_load((ROOT / file).read_text())["services"].items()]
    return {name: service for name, service in found if "image" in service}


def test_every_container_of_the_compose_files_is_hardened() -> None:
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    assert dockerfile.rindex("\nUSER 10001:10001\n") > dockerfile.rindex("\nFROM ")  # in the last stage of the build
    services = compose()
    assert {"keycloak", "prometheus", "grafana", "otel-collector", "jaeger"} < services.keys()
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "user" not in service if "build" in service else int(service["user"].partition(":")[0]), name
        assert all(port == "${PORT:-8000}:8000" or port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_no_container_of_the_compose_file_gets_the_secrets_of_another() -> None:
    """Every container of ours gets `.env`, so the compose file must set the secrets that a container does not read to
    an empty value."""
    settings: dict[str, type[ProcessSettings]] = {
        "gateway": GatewaySettings,
        "asr": AsrSettings,
        "llm": LlmSettings,
        "tts": TtsSettings,
    }
    secrets = {name for cls in settings.values() for name in map(str.upper, cls.model_fields) if is_secret(name)}
    assert {"AUTH_TOKENS", "LLM_API_KEY"} <= secrets
    ours = {name: service for name, service in compose().items() if "env_file" in service}
    assert len(ours) == 7
    for name, service in ours.items():
        read = set(map(str.upper, settings[service["build"]["args"]["SERVICE"]].model_fields))
        kept = {secret for secret in secrets - read if service["environment"].get(secret) != ""}
        assert kept == set(), name
        assert [secret for secret in secrets & read if service["environment"].get(secret) == ""] == [], name


def test_prometheus_and_every_process_of_ours_get_the_token_of_the_metrics() -> None:
    jobs = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    files = {job["job_name"]: job.get("authorization", {}).get("credentials_file") for job in jobs}
    assert files == dict.fromkeys(("gateway", "asr", "llm", "tts"), "/tmp/metrics-token") | {"vllm": None}
    container = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["prometheus"]
    assert container["environment"] == {"METRICS_TOKEN": "${METRICS_TOKEN:-}"}
    assert "> /tmp/metrics-token" in container["entrypoint"][2]
    for name in ("asr", "llm", "tts"):  # the gateway gets the whole secret
        deployment = next(yaml.safe_load_all((ROOT / "deploy" / "k8s" / "base" / f"{name}.yaml").read_text()))
        (pod,) = deployment["spec"]["template"]["spec"]["containers"]
        assert "METRICS_TOKEN" in [variable["name"] for variable in pod["env"]], name
