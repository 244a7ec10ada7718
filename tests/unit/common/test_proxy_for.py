"""The values of NO_PROXY that curl, Go and Kubernetes understand. httpx 0.28.1 reads some of them in another way, so
`proxy_for` reads them instead."""

from __future__ import annotations

import pytest

from common.proxy_for import proxy_for
from llm_service.openai_api.server_api import ServerApi

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_direct"),
    [
        ("http://10.1.2.3:8000/v1", "10.0.0.0/8", True),
        ("http://11.1.2.3:8000/v1", "10.0.0.0/8", False),
        ("http://10.1.2.3:8000/v1", "localhost, 10.1.2.3", True),
        ("http://10.1.2.3:8000/v1", "10.1.2.3:8000", True),
        ("http://10.1.2.3:8000/v1", "10.1.2.3:9000", False),
        ("http://vllm.ns.svc.cluster.local/v1", ".cluster.local", True),
        ("http://vllm.ns.svc.cluster.local/v1", "cluster.local", True),
        ("http://vllm.ns.svc.cluster.local/v1", "*.cluster.local", True),
        ("http://VLLM.NS.SVC.Cluster.Local/v1", "CLUSTER.local", True),
        ("http://notcluster.local/v1", "cluster.local", False),
        ("https://vllm/v1", "vllm:443", True),
        ("http://[::1]:8000/v1", "::1", True),
        ("http://[::1]:8000/v1", "[::1]", True),
        ("http://[::1]:8000/v1", "[::1]:8000", True),
        ("http://[fd00::5]:8000/v1", "fd00::/8", True),
        ("http://vllm:8000/v1", "fd00::/8,::1,[::1],:,", False),
        ("http://vllm:8000/v1", "*", True),
        ("http://vllm:8000/v1", "", False),
    ],
)
def test_no_proxy(url: str, no_proxy: str, is_direct: bool) -> None:
    proxies = {"http": PROXY, "https": PROXY, "no": no_proxy}
    assert proxy_for(url, proxies) == (None if is_direct else PROXY)


def test_a_proxy_for_all_schemes_and_one_without_a_scheme() -> None:
    assert proxy_for("http://vllm/v1", {"all": "proxy:3128"}) == "http://proxy:3128"
    assert proxy_for("http://vllm/v1", {"https": PROXY}) is None


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
async def test_a_network_of_ipv6_does_not_keep_the_service_from_starting(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in ("http_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    monkeypatch.setenv(name, "fd00::/8,10.0.0.0/8")
    url = "http://10.1.2.3:8000/v1"
    api = ServerApi(url, api_key="", request_timeout_s=1, trust_env=True, transport=None)
    assert proxy_for(url) is None
    await api.close()
