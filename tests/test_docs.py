"""The documentation holds: its links lead somewhere, it knows every setting and command, and what it shows works."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from graphql import (
    GraphQLObjectType,
    build_schema,
    is_scalar_type,
    parse,
    specified_scalar_types,
    validate,
)

from crmgraph.cli.commands import app
from crmgraph.crm.upstream_settings import DIALECTS, SECRETS, SETTINGS, shown
from crmgraph.graph.documents import limits
from crmgraph.graph.schema import declarations
from crmgraph.graph.schema.schema import schema
from crmgraph.settings import Settings
from tests.program import PROGRAM, serving

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in addresses."""
    headings = re.findall(r"^#+ (.+)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            broken.append(target)
    assert broken == []


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs/README.md"
    named = {(index.parent / target.partition("#")[0]).resolve() for target in LINK.findall(text_of("docs/README.md"))}
    assert [str(page.relative_to(ROOT)) for page in PAGES if page.parent != ROOT and page not in {*named, index}] == []


def default_of(name: str) -> str:
    default = Settings.model_fields[name].default
    if default in (None, "", ()):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_every_setting_is_told_with_its_default_and_nothing_else_is() -> None:
    page = text_of("docs/settings.md").partition("## Set by others")[0]
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(
        f"| `CRMGRAPH_{name.upper()}` | {default_of(name)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_no_setting_that_is_not_there(page: Path) -> None:
    known = {f"CRMGRAPH_{name.upper()}" for name in Settings.model_fields} | {"CRMGRAPH_PASSWORD"}
    known |= {each.variable for each in SECRETS.values()}
    named = set(re.findall(r"\bCRMGRAPH_[A-Z_]+\b", page.read_text(encoding="utf-8")))
    assert named - known == set()


def test_compose_and_image_set_nothing_that_is_not_there() -> None:
    known = {f"CRMGRAPH_{name.upper()}" for name in Settings.model_fields}
    for name in ("compose.yaml", "Dockerfile"):
        assert set(re.findall(r"\bCRMGRAPH_[A-Z_]+\b", text_of(name))) - known == set()


def test_compose_passes_every_setting_on_and_ends_later_than_what_it_promises() -> None:
    page = text_of("compose.yaml")
    passed = re.findall(r"^      (CRMGRAPH_[A-Z_]+):", page, re.MULTILINE)
    assert sorted(passed) == sorted(f"CRMGRAPH_{name.upper()}" for name in Settings.model_fields)
    grace = re.search(r"stop_grace_period: (\d+)s", page.partition("  crmgraph:\n")[2])
    assert grace is not None and int(grace[1]) > 20 + 10 + 5, "requests, emails that are due, photos on their way out"
    described = page.partition("services:\n")[2].partition("\nvolumes:")[0]
    services = re.split(r"^  (?=\w+:$)", described, flags=re.MULTILINE)
    for service in filter(str.strip, services):
        assert all(f"    {bound}: " in service for bound in ("mem_limit", "cpus", "pids_limit")), service
    assert "/health/live" in text_of("Dockerfile")


def test_the_sample_of_settings_has_every_one_with_its_default_and_its_meaning() -> None:
    found = re.findall(r"^# (.+)\n(?:# )?(CRMGRAPH_[A-Z_]+)=(.*)$", text_of(".env.example"), re.MULTILINE)
    assert sorted(found) == sorted(
        (field.description or "", f"CRMGRAPH_{name.upper()}", default_of(name).strip("`"))
        for name, field in Settings.model_fields.items()
    )


def test_the_settings_of_upstreams_are_told() -> None:
    page = text_of("docs/switch-over.md")
    told = [line for line in page.splitlines() if re.match(r"\| `[a-z_]+` \|", line)]
    names = {
        each: "all" if each == DIALECTS else ", ".join(sorted(door.dialect for door in each))
        for each in (setting.dialects for setting in SETTINGS.values())
    }
    assert told == [
        f"| `{each.key}` | {'' if each.default is None else f'`{shown(each.default)}`'} | {names[each.dialects]} |"
        f" {each.help} Takes {each.form.expected}. |"
        for each in SETTINGS.values()
    ]


def commands(group: Any = None, path: str = "crmgraph") -> Iterator[tuple[str, Any]]:
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_every_command_is_told_with_its_arguments_options_and_defaults() -> None:
    sections = dict(re.findall(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", text_of("docs/commands.md"), re.M | re.S))
    assert list(sections) == [name for name, _ in commands()]
    for name, command in commands():
        section = sections[name]
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                assert str(parameter.name).upper().replace("STAFF_ID", "ID") in section, (name, parameter.name)
                continue
            options = [option for option in parameter.opts if option != "--help"]
            assert all(f"`{option}`" in section for option in options), (name, options)
            if isinstance(parameter.default, int | str) and not isinstance(parameter.default, bool) and options:
                shown = str(getattr(parameter.default, "value", parameter.default))
                assert not shown or f"| `{options[0]}` | `{shown}` |" in section, (name, options)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_no_command_or_target_that_is_not_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = "\n".join([*blocks(text, "sh"), *re.findall(r"`([^`\n]+)`", prose(text))])
    known = {tuple(name.split()[1 : i + 1]) for name, _ in commands() for i in (1, 2)}
    told = re.findall(r"(?:^|/|\$\(|run --rm )crmgraph ([a-z]+)(?: ([a-z]+))?", code, re.MULTILINE)
    assert [words for words in told if words not in known and words[:1] not in known] == []
    assert [
        words for words in told if words[0] in ("demo", "staff", "clients") and words[1] and words not in known
    ] == []
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)) - targets == set()


@pytest.mark.parametrize(
    "operation", blocks(text_of("docs/graphql.md"), "graphql"), ids=lambda text: text.split("(")[0]
)
def test_an_operation_of_the_guide_is_valid(operation: str) -> None:
    assert validate(build_schema(text_of("schema.graphql")), parse(operation)) == []


def test_the_guide_for_clients_asks_for_what_is_there_and_gives_every_scalar_a_type() -> None:
    page, told = text_of("docs/clients.md"), build_schema(text_of("schema.graphql"))
    operations = [*re.findall(r"[`\"]((?:query|mutation)\b[^`\"]*\{[^`\"]*\})[`\"]", page), *blocks(page, "graphql")]
    assert len(operations) == 6
    assert [fault for each in operations for fault in validate(told, parse(each))] == []
    typed = re.search(r"scalars: \{\n(.*?)\}", page, re.DOTALL)
    own = {name for name, of in told.type_map.items() if is_scalar_type(of)} - set(specified_scalar_types)
    assert typed is not None and set(re.findall(r"^ +(\w+):", typed[1], re.MULTILINE)) == own


def test_the_guide_tells_what_is_left_to_the_resolvers() -> None:
    section = text_of("docs/graphql.md").partition("## Two executors")[2]
    told = set(re.findall(r"`(\w+)`", section))
    resolved = set()
    for type_ in schema.graphql_core.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_.name.endswith(
            ("Connection", "Edge", "Payload", "Result", "Error", "Warning")
        ):
            continue
        # None is reached by a query that is otherwise plain: others are made as a whole by their field.
        whole = ("FieldChange", "DroppedValue", "SearchMatch", "Choice")
        if type_.name.startswith("__") or type_.name in ("Query", "Mutation", "PageInfo", "Viewer", *whole):
            continue
        for name, field in type_.fields.items():
            match field.extensions["strawberry-definition"].metadata.get(
                declarations.DECLARED, declarations.Resolved()
            ):
                case declarations.Resolved() | declarations.Computed(sql=None):
                    resolved.add(name)
    assert resolved <= told


def test_the_guide_tells_the_limits() -> None:
    section = text_of("docs/graphql.md").partition("## Limits")[2].partition("## ")[0]
    for number, word in (
        (limits.MAX_TOKENS, "tokens"),
        (limits.MAX_FIELDS, "fields"),
        (limits.MAX_ALIASES, "aliases"),
        (limits.MAX_REPEATS, "repeats"),
        (limits.MAX_DIRECTIVES, "directives"),
    ):
        assert f"{number:,} {word}" in section
    assert f"depth {limits.MAX_DEPTH}" in section


CURL = """
import base64, http.cookies, pathlib, sys, urllib.error, urllib.parse, urllib.request, uuid
headers, data, parts, method, url, get, save, rest = {}, [], [], None, None, False, None, sys.argv[1:]
while rest:
    match rest.pop(0):
        case "-s": pass
        case "-G": get = True
        case "-H":
            name, _, value = rest.pop(0).partition(":")
            headers[name] = value.strip()
        case "-X": method = rest.pop(0)
        case "-d": data.append(rest.pop(0))
        case "--data-urlencode":
            name, _, value = rest.pop(0).partition("=")
            data.append(name + "=" + urllib.parse.quote_plus(value))
        case "-F": parts.append(rest.pop(0).split("=", 1))
        case "-c": save = pathlib.Path(rest.pop(0))
        case "-u": headers["Authorization"] = "Basic " + base64.b64encode(rest.pop(0).encode()).decode()
        case "-b": headers["Cookie"] = pathlib.Path(rest.pop(0)).read_text()
        case address: url = address
body = "&".join(data).encode() if data else None
if get:
    url, body = url + "?" + body.decode(), None
if parts:
    bound = uuid.uuid4().hex
    part = "--%s\\r\\nContent-Disposition: form-data; name=\\"%s\\"\\r\\n\\r\\n%s\\r\\n"
    body = ("".join(part % (bound, *each) for each in parts) + "--" + bound + "--\\r\\n").encode()
    headers["Content-Type"] = "multipart/form-data; boundary=" + bound
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_): return None
try:
    request = urllib.request.Request(url, body, headers, method=method)
    answer = urllib.request.build_opener(Stay).open(request, timeout=60)
except urllib.error.HTTPError as error:
    answer = error
if save:
    cookies = http.cookies.SimpleCookie(answer.headers["Set-Cookie"])
    save.write_text("; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items()))
sys.stdout.write(answer.read().decode())
"""
"""As much of curl as the documentation uses, for a machine that has none."""


@contextmanager
def terminal(folder: Path) -> Iterator[Callable[[str, str], subprocess.CompletedProcess[str]]]:
    """A demo that is served, and a person's shell beside it: `run(shell, script)`."""
    (folder / "curl.py").write_text(CURL)
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/crmgraph").symlink_to(PROGRAM)
    curl = folder / "bin/curl"
    curl.parent.mkdir()
    curl.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{folder / "curl.py"}" "$@"\n')
    curl.chmod(0o755)
    (curl.parent / "python3").symlink_to(sys.executable)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CRMGRAPH_")}
    environment["PATH"] = f"{curl.parent}:{environment['PATH']}"
    with serving(folder, "--demo") as (client, _):

        def run(shell: str, script: str) -> subprocess.CompletedProcess[str]:
            assert script.count("8000") == 1, "the port is said once"
            script = script.replace("http://127.0.0.1:8000", str(client.base_url).rstrip("/"))
            command = [shell, "-eu", "-c", script]
            return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)

        yield run


SHELLS = [shell for shell in ("bash", "dash", "zsh") if shutil.which(shell)] or ["sh"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_tour_of_the_readme_works_as_it_stands(demo_folder: Path, shell: str) -> None:
    tour = text_of("README.md").partition("## Five minutes")[2].partition("## Further")[0]
    steps = re.findall(r"^```(sh|json)\n(.*?)^```$", tour, re.MULTILINE | re.DOTALL)
    wanted = [json.loads(text) for kind, text in steps if kind == "json"]
    assert len(wanted) == 3
    # What a person reads after a command stands alone in a line, so that it can be told from the rest.
    script = "".join(text + "\necho\n" for kind, text in steps if kind == "sh")
    with terminal(demo_folder) as run:
        done = run(shell, script)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines() if line] == wanted
    assert done.stderr == ""


MOVED = {
    "zoho_backup.zip": "01_zoho_backup/zoho_backup.zip",
    "hubspot.csv": "07_hubspot_contacts/hubspot-crm-exports-all-contacts-2026-11-20.csv",
    "salesforce.zip": "08_salesforce_weekly/WE_00D5e000000AbCdEAK_1.ZIP",
    "pipedrive.xlsx": "10_pipedrive_people/people-14300000-7.xlsx",
}
"""{what the page calls a file: the sample}."""


def test_the_way_from_four_crms_to_one_store_works_as_it_stands(tmp_path: Path) -> None:
    for name, sample in MOVED.items():
        shutil.copy(ROOT / "tests/imports/samples" / sample, tmp_path / name)
    page = text_of("docs/four-crms.md")
    steps = re.findall(r"^```(sh|text)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`([a-z_]+\.(?:zip|csv|xlsx))`", page.partition("## Look")[0]))
    assert named == set(MOVED)
    script = "".join(f"{text}echo '=== {n}'\n" for n, (kind, text) in enumerate(steps) if kind == "sh")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "crmgraph").symlink_to(PROGRAM)
    (programs / "python3").symlink_to(sys.executable)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CRMGRAPH_")}
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    command = ["sh", "-u", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "Wrote 17 records to contacts.csv.\n")
    outputs = done.stdout
    for n, (kind, text) in enumerate(steps):
        if kind == "sh":
            output, _, outputs = outputs.partition(f"=== {n}\n")
            continue
        lines = iter(output.splitlines())
        # Each line of the page stands in the output, and in this order.
        missing = [wanted for wanted in text.splitlines() if not any(wanted in line for line in lines)]
        assert missing == [], output
    assert (tmp_path / "report/zoho/report.html").is_file()
    assert len((tmp_path / "contacts.csv").read_text("utf-8-sig").splitlines()) > 17


def test_the_examples_of_the_dialects_work_as_they_stand(demo_folder: Path) -> None:
    names = blocks(text_of("README.md").partition("## Five minutes")[2], "sh")[0]
    told = {}
    with terminal(demo_folder) as run:
        for page in sorted((ROOT / "docs/dialects").glob("*.md")):
            if page.name == "README.md":
                continue  # its commands add a dialect: `test_recipes` carries them out
            for example in blocks(page.read_text(encoding="utf-8"), "sh"):
                done = run("sh", names + example)
                assert (done.returncode, done.stderr) == (0, ""), page.name
                told[page.stem] = done.stdout
    token = json.loads(told["valomnia"].partition("}}")[0] + "}}")["token"]
    employee = '{"id":4,"reference":"emp-00","name":"Employee 00","email":""}'
    changed = '{"result":"0","message":"Profile updated successfully."}'
    assert told == {
        "covalense": f'Ravi\n{{"response":{{"success":"true","result":{changed}}}}}',
        "crmcom": "Kozior\nOK\n",
        "valomnia": f'{{"success":true,"token":"{token}","user":{employee}}}Marie\nSchrader\n',
        "zoho": "SUCCESS\nOslo\nBearer\n",
    }
