"""Our own rules for valid manifests. Pure: takes documents, and returns a sentence for each fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def problems(documents: Iterable[Document]) -> list[str]:
    """One sentence for each fault; empty if there is none."""
    documents = list(documents)
    workloads = [one for one in documents if one["kind"] in WORKLOADS]
    found: list[str] = []
    for workload in workloads:
        found += [f"{_name(workload)}: {fault}" for fault in _faults_of_pod(workload["spec"]["template"]["spec"])]
        found += [f"{_name(workload)}: {fault}" for fault in _secrets_at_large(workload)]
    for service in (one for one in documents if one["kind"] == "Service"):
        found += [f"{_name(service)}: {fault}" for fault in _faults_of_service(service, workloads, documents)]
    found += _scaling_faults(workloads, documents)
    return found


def _faults_of_pod(pod: Document) -> Iterator[str]:
    security = pod.get("securityContext", {})
    if security.get("runAsNonRoot") is not True:
        yield "may run as root; set securityContext.runAsNonRoot"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile; set RuntimeDefault"
    if pod.get("enableServiceLinks") is not False:
        yield "gets variables that look like settings (ASR_PORT=tcp://…); set enableServiceLinks: false"
    if pod.get("automountServiceAccountToken") is not False:
        yield "is given a token for the cluster's API; set automountServiceAccountToken: false"
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        for fault in _faults_of_container(container, is_init=container not in pod["containers"]):
            yield f"container {container['name']} {fault}"


def _secrets_at_large(workload: Document) -> Iterator[str]:
    """Containers that get all keys of a secret. Only the gateway may get them, because it checks the learners'
    tokens."""
    if workload["metadata"]["name"] == "gateway":
        return
    for container in workload["spec"]["template"]["spec"]["containers"]:
        if any("secretRef" in source for source in container.get("envFrom", ())):
            yield f"container {container['name']} gets a whole secret; name the keys that it needs with secretKeyRef"


def _faults_of_container(container: Document, *, is_init: bool) -> Iterator[str]:
    resources = container.get("resources", {})
    for kind in ("requests", "limits"):
        for what in ("cpu", "memory"):
            if what not in resources.get(kind, {}):
                yield f"has no {kind}.{what}"
    if not is_init:
        yield from (f"has no {probe}" for probe in PROBES if probe not in container)
    security = container.get("securityContext", {})
    if security.get("readOnlyRootFilesystem") is not True:
        yield "can write to its image; set readOnlyRootFilesystem"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges; set allowPrivilegeEscalation: false"
    if security.get("capabilities", {}).get("drop") != ["ALL"]:
        yield "keeps capabilities; drop ALL"
    tag = container["image"].rpartition("/")[2].partition(":")[2]
    if not tag or tag == "latest":
        yield f"has no pinned image ({container['image']})"


def _faults_of_service(service: Document, workloads: list[Document], documents: list[Document]) -> Iterator[str]:
    selected = [one for one in workloads if _matches(service["spec"]["selector"], _labels(one))]
    if not selected:
        yield "selects no workload"
    policies = [one for one in documents if one["kind"] == "NetworkPolicy" and one["spec"].get("ingress")]
    for workload in selected:
        if not any(_matches(one["spec"]["podSelector"].get("matchLabels", {}), _labels(workload)) for one in policies):
            yield f"no NetworkPolicy says who may reach {_name(workload)}"


def _scaling_faults(workloads: list[Document], documents: list[Document]) -> Iterator[str]:
    """Deployments without a disruption budget; ScaledObjects without a Deployment, or that scale by CPU or memory."""
    budgets = [one for one in documents if one["kind"] == "PodDisruptionBudget"]
    for workload in workloads:
        is_covered = any(_matches(one["spec"]["selector"]["matchLabels"], _labels(workload)) for one in budgets)
        if workload["kind"] == "Deployment" and not is_covered:
            yield f"{_name(workload)}: no PodDisruptionBudget"
    deployments = {one["metadata"]["name"] for one in workloads if one["kind"] == "Deployment"}
    for scaled in (one for one in documents if one["kind"] == "ScaledObject"):
        if scaled["spec"]["scaleTargetRef"]["name"] not in deployments:
            yield f"{_name(scaled)}: there is no such Deployment"
        if any(trigger["type"] in ("cpu", "memory") for trigger in scaled["spec"]["triggers"]):
            yield f"{_name(scaled)}: scales by CPU or memory, which say nothing of waiting learners"


def _name(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def _labels(workload: Document) -> Mapping[str, str]:
    labels: Mapping[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return labels


def _matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())
