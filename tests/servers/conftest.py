"""The servers of this run, and the table at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator

import pytest

from tests.servers.real import SERVERS, release

TOLD = pytest.StashKey[dict[str, dict[str, str]]]()
HABITS = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers", default=" ".join(SERVERS), help=f"some of {', '.join(SERVERS)}, separated by spaces (default: all)"
    )
    parser.addoption("--not-installed", default="", help="those of these servers whose installation failed")


def pytest_configure(config: pytest.Config) -> None:
    told: dict[str, dict[str, str]] = defaultdict(dict)
    config.stash[TOLD] = told
    config.stash[HABITS] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        names = [name for name in _named(metafunc.config, "--servers") if name not in _missing(metafunc.config)]
        metafunc.parametrize("engine", names, indirect=True, scope="module")


def _named(config: pytest.Config, option: str) -> list[str]:
    return str(config.getoption(option)).split()


def _missing(config: pytest.Config) -> list[str]:
    return _named(config, "--not-installed")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a server is not installed, because it was not tested."""
    if _missing(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the failures that the table of servers explains. If such a test passes, the run fails."""
    for item in items:
        name = _server(item)
        test = getattr(item, "originalname", "")
        if name and (why := SERVERS[name].unable.get(test)):
            item.add_marker(pytest.mark.xfail(reason=why, strict=True))


def _server(item: pytest.Item) -> str:
    call = getattr(item, "callspec", None)
    name = str(call.params.get("engine")) if call else ""
    return name if name in SERVERS else ""  # if no server is installed, pytest makes a parameter of its own


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
    for name in _missing(config):
        write(f"| {name} | – | NOT INSTALLED: see the first lines of this run | – | – |")
