"""Our policy for Kubernetes manifests finds each kind of fault. `make verify-k8s` checks the manifests themselves.

Source of `enableServiceLinks`: the case `vllm_service_name.sh`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.k8s.policy import WORKLOADS, problems
from tests.support.mesh import ROOT

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
    """Each file is checked alone, without the overlays' additions. `make verify-k8s` checks networks and budgets."""
    for document in yaml.safe_load_all(path.read_text()):
        if document and document["kind"] in WORKLOADS:
            found = [one for one in problems([document]) if "PodDisruptionBudget" not in one]
            assert [one for one in found if "no pinned image" not in one] == []


def test_every_container_of_the_compose_file_that_runs_always_is_hardened() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, service in services.items():
        if service["profiles"] != ["observability"]:
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
