"""The servers of this run, and the table at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator

import pytest

from tests.servers.real import SERVERS, release

TOLD = pytest.StashKey[dict[str, dict[str, str]]]()
HABITS = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--servers", default=" ".join(SERVERS), help=f"of {', '.join(SERVERS)} (default: all)")


def pytest_configure(config: pytest.Config) -> None:
    told: dict[str, dict[str, str]] = defaultdict(dict)
    config.stash[TOLD] = told
    config.stash[HABITS] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        names = str(metafunc.config.getoption("--servers")).split()
        metafunc.parametrize("engine", names, indirect=True, scope="module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the failures that the table of servers explains; if such a test passes, the run fails."""
    for item in items:
        name = _server(item)
        test = getattr(item, "originalname", "")
        if name and (why := SERVERS[name].unable.get(test)):
            item.add_marker(pytest.mark.xfail(reason=why, strict=True))


def _server(item: pytest.Item) -> str:
    call = getattr(item, "callspec", None)
    return str(call.params["engine"]) if call and "engine" in call.params else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if (name := _server(item)) and (report.when == "call" or report.failed):
        outcome = "known" if hasattr(report, "wasxfail") else report.outcome
        item.config.stash[TOLD][name][str(getattr(item, "originalname", item.name))] = outcome
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    write = terminalreporter.write_line
    write("\n| server | version | contract | requests differ by | can't do |\n| --- | --- | --- | --- | --- |")
    for name, tests in config.stash[TOLD].items():
        passed = sum(outcome == "passed" for outcome in tests.values())
        failed = ", ".join(test for test, outcome in tests.items() if outcome == "failed")
        known = "; ".join(SERVERS[name].unable[test] for test, outcome in tests.items() if outcome == "known")
        contract = f"{passed} of {len(tests)}" + (f"; FAILED: {failed}" if failed else "")
        habits = config.stash[HABITS].get(name) or "–"
        write(f"| {name} | {release(name)} | {contract} | {habits} | {known or '–'} |")
