"""The pages name the settings, commands and files that the code has."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import grimp
import pytest
from pydantic_settings import BaseSettings

import asr_service
import common
import deploy
import gateway
import llm_service
import tts_service
from deploy import setting_values
from tests.support.markdown import first_column, page, sections
from tests.support.settings_table import (
    ENV_EXAMPLE,
    GROUPS,
    ROOT,
    SETTING_NAMES,
    SETTINGS_PAGE,
    env_example,
    setting_names,
    settings,
    value_rules,
    with_tables,
)

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("clients/*/README.md"), *(ROOT / "docs").rglob("*.md")])

# These names on the pages look like settings, but are none.
NOT_SETTINGS = {
    *("PATH", "LD_LIBRARY_PATH", "TMPDIR"),  # of the system
    *(
        "PYTHON",
        "ARGS",
        "SESSIONS",
        "RUNS",
        "QUICK",
        "DURATION",
        "TIME",
        "TIMES",
        "SEED",
        "CHECK",
        "ROOM",
        "WORKERS",
        "JFLEG",
    ),  # of make
    *("COMPOSE_PROFILES", "SERVICE", "LOCK"),  # of Docker
    *("KEYCLOAK_ADMIN_PASSWORD", "KC_HOSTNAME"),  # of Keycloak
    *("REGISTRY", "COSIGN_KEY", "VERSION"),  # of the release script
    *("INVALID_ARGUMENT", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "DEADLINE_EXCEEDED"),  # of gRPC
    *("CANCELLED", "INTERNAL", "NOT_SERVING", "SERVING", "STOP_REASON_REPETITION"),
    *(
        "BYTES_PER_SAMPLE",
        "MAX_AHEAD_S",
        "PLAYER_GRACE_S",
        "GAP_S",
        "ENGINES",
    ),  # constants of the code, in the decision records
    *("AITALK_URL", "AITALK_TOKEN"),  # of the command aitalk
    *("MODEL_CARD", "DEL", "XADD", "ROLE_USER", "GRPC_VERBOSITY"),
    *("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE", "HTTPS_PROXY", "COQUI_TOS_AGREED"),  # of Hugging Face and Coqui
    "PAGE_LANGUAGES",  # a constant of the page
    *("ORT_DISABLE_TELEMETRY", "VLLM_NO_USAGE_STATS", "SSL_CERT_FILE"),  # of ONNX Runtime, vLLM and OpenSSL
}


def code_of(text: str) -> str:
    """The code of a page: the text in backticks and in fenced blocks."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


# --- settings


def every_setting() -> dict[str, str]:
    return {one.name: one.default for members in settings().values() for one in members}


def test_the_groups_hold_every_settings_class_of_the_processes() -> None:
    documented = set(GROUPS.values())
    for package in (asr_service, common, deploy, gateway, llm_service, tts_service):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if issubclass(cls, BaseSettings) and cls is not BaseSettings:
                    assert cls in documented, f"{cls.__qualname__}: add it to GROUPS of tests/support/settings_table.py"


@pytest.mark.parametrize("cls", GROUPS.values(), ids=lambda cls: cls.__name__)
def test_every_field_has_a_description_and_stands_in_both_files(cls: type[BaseSettings]) -> None:
    table, env = page(SETTINGS_PAGE), page(ENV_EXAMPLE)
    for name, field in cls.model_fields.items():
        assert field.description, name
        assert f"| `{name.upper()}` | " in table
        assert f"\n#{name.upper()}=" in env
        assert field.description in table
        assert " ".join(field.description.split()) in " ".join(env.replace("\n# ", " ").split())


def test_the_settings_page_and_its_companions_are_what_the_code_says() -> None:
    again = "run .venv/bin/python -m tests.support.settings_table"
    assert page(SETTINGS_PAGE) == with_tables(page(SETTINGS_PAGE)), again
    assert page(ENV_EXAMPLE) == env_example(), again
    assert page(SETTING_NAMES) == setting_names(), again
    assert page(setting_values.FILE) == value_rules(), again


def test_env_example_changes_nothing_when_it_is_used(tmp_path: Path) -> None:
    used = tmp_path / ".env"
    used.write_text(re.sub(r"^#(?=[A-Z])", "", page(ENV_EXAMPLE), flags=re.MULTILINE))
    assert re.findall(r"^([A-Z_]+)=", used.read_text(), re.MULTILINE) == list(every_setting())
    for cls in GROUPS.values():
        assert cls(_env_file=used) == cls(_env_file=None)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_names_a_setting_that_there_is_not(path: Path) -> None:
    named = set(
        re.findall(r"(?<![\w*.-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,}(?==))(?![\w*-]|_…)", code_of(page(path)))
    )
    assert named - NOT_SETTINGS <= set(every_setting())


def test_defaults_that_a_page_repeats_are_right() -> None:
    """A page repeats a default as `NAME` (number)."""
    repeated = 0
    for path in PAGES:
        for name, number in re.findall(r"`([A-Z_]+)` \((\d+)\)", page(path)):
            repeated += 1
            assert every_setting()[name] == number, path
    assert repeated


# --- commands, links, folders, skips


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_and_module_named_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", page(ROOT / "Makefile"), re.MULTILINE))
    code = code_of(page(path))
    assert set(re.findall(r"(?<![\w-])make ([a-z][a-z0-9-]*)", code)) <= targets
    for module in re.findall(r"python -m ([a-z_.]+[a-z_])", code):
        assert find_spec(module), module


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_resolves(path: Path) -> None:
    text = re.sub(r"```.*?```", "", page(path), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(page(target)), link


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_named_in_backticks_exists(path: Path) -> None:
    """This checks paths that begin with one of our top folders."""
    folders = "asr_service|bench|clients|common|deploy|docs|findings|gateway|llm_service|protos|tests|tts_service"
    for named in re.findall(rf"`((?:{folders})/[\w./-]*)`", page(path)):
        if path.name == "0001-anyio-streams-and-thread-pools.md" and named in (
            "common/channels.py",
            "common/threads.py",
        ):
            continue  # this page explains why these files don't exist
        assert (ROOT / named).exists(), named


def test_the_readme_is_short() -> None:
    assert len(page(ROOT / "README.md").splitlines()) <= 250


def test_the_layout_table_names_every_folder_with_code() -> None:
    listed = first_column(sections(page(CONTRIBUTING), "##")["Layout"])
    named = {name.rstrip("/") for name in listed if name.endswith("/")}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    rooms = {f"gateway/{path.name}" for path in (ROOT / "gateway").iterdir() if path.is_dir() and path.name[0] != "_"}
    assert named == packages | rooms | {"clients", "protos", "docs", "findings"}


GATEWAY_FOLDERS = {path.parent.name for path in (ROOT / "gateway").glob("*/__init__.py")}


def imported_folders() -> dict[str, set[str]]:
    """Each folder and file of the gateway (`reply/`, `app.py`) → the other folders of the gateway that it imports."""
    graph = grimp.build_graph("gateway", cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules - {"gateway"}:
        name = module.split(".")[1]
        imported = {one.split(".")[1] for one in graph.find_modules_directly_imported_by(module) if "." in one}
        own = found.setdefault(f"{name}/" if name in GATEWAY_FOLDERS else f"{name}.py", set())
        own |= imported & GATEWAY_FOLDERS - {name}
    return found


def test_contributing_says_which_folders_the_gateways_folders_and_files_import() -> None:
    layout = sections(page(CONTRIBUTING), "##")["Layout"]
    rows = re.findall(r"^\| `gateway/(\w+/)` \| [^|]+ \| ([^|]+) \|$", layout, re.MULTILINE)
    for names, imported in re.findall(r"^\| (`\w+\.py`[^|]*) \| ([^|]+) \|$", layout, re.MULTILINE):
        rows += [(name, imported) for name in re.findall(r"`([^`]+)`", names)]
    listed = {name: set() if imported == "none" else set(imported.split(", ")) for name, imported in rows}
    in_code = imported_folders()
    assert listed == {name: imported for name, imported in in_code.items() if imported or name.endswith("/")}


def test_the_import_contracts_name_every_folder_of_the_gateway() -> None:
    contracts = tomllib.loads(page(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["name"] == "Nothing runs upwards in the gateway")
    assert set(re.findall(r"gateway\.(\w+)", " ".join(layers))) == GATEWAY_FOLDERS
    apart = next(one["source_modules"] for one in contracts if one["name"].startswith("A conversation knows neither"))
    listed = re.search(r"neither FastAPI nor gRPC nor Redis, not even indirectly: ([^.]+)\.", page(CONTRIBUTING))
    assert listed
    assert set(re.split(r",\s+", listed[1])) == {name.removeprefix("gateway.") for name in apart}


@pytest.mark.parametrize("package", ["asr_service", "deploy", "gateway", "llm_service", "tts_service"])
def test_unit_tests_mirror_the_folders_of_the_code(package: str) -> None:
    folders, tests = {path.name for path in (ROOT / package).iterdir()}, package.removesuffix("_service")
    for path in (ROOT / "tests" / "unit" / tests).rglob("test_*.py"):
        if path.parent.name == tests:
            imported = set(re.findall(rf"^from {package}(?:\.(\w+))?", page(path), re.MULTILINE))
            assert len(imported) != 1 or not imported <= folders, f"{path}: move it to the folder {imported}"
        else:
            assert path.parent.name in folders, path


def test_every_decision_record_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", page(folder / "README.md"))
    assert listed == sorted(path.name for path in folder.glob("0*.md"))
    for name in listed:
        assert page(folder / name).startswith(f"# {name[:4]}. ")
        for part in ("Context", "Decision", "Rejected", "Consequence"):
            assert f"**{part}.**" in page(folder / name), name


def test_contributing_names_every_file_whose_tests_may_be_skipped() -> None:
    skip = re.compile(r"pytest\.(?:skip|importorskip|mark\.(?:skip|xfail))|unittest\.skip")
    mine = Path(__file__).resolve()
    skipping = {path for path in (ROOT / "tests").rglob("*.py") if path != mine and skip.search(page(path))}
    for path in skipping:
        assert f"`{path.relative_to(ROOT)}`" in page(CONTRIBUTING)
