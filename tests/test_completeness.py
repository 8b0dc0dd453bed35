"""What stands in several places stands in all of them; what is missing is told by the name of its line."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from crmgraph.app import mounted, places_of
from crmgraph.assembly import build
from crmgraph.crm import errors
from crmgraph.crm.models import Account, Contact, Door
from crmgraph.dialects.crmcom.fields import fields_of
from crmgraph.dialects.crmcom.response_formats import RESPONSE_FORMATS
from crmgraph.registry import DIALECTS, Dialect
from tests.conftest import settings_for

ROOT = Path(__file__).parents[1]
FILES = ("api.py", "requests.py", "handlers/__init__.py", "fields.py", "errors.py", "answers.py", "openapi.py")
each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


def test_every_word_of_a_dialect_has_an_entry_in_the_wiring() -> None:
    missing = [f"Door.{door.name}" for door in Door if door.is_dialect and door not in {d.door for d in DIALECTS}]
    assert not missing, f"DIALECTS of src/crmgraph/registry.py has no entry for {missing}"
    unnamed = [f"Door.{dialect.door.name}" for dialect in DIALECTS if not dialect.door.is_dialect]
    assert not unnamed, f"src/crmgraph/crm/models/identity.py gives {unnamed} no title and no description"


@each_dialect
def test_every_dialect_has_its_files(dialect: Dialect) -> None:
    wanted = [f"src/crmgraph/dialects/{dialect.name}/{name}" for name in FILES]
    wanted.append(f"docs/dialects/{dialect.name}.md")
    assert [name for name in wanted if not (ROOT / name).is_file()] == []


@each_dialect
def test_every_dialect_has_recorded_exchanges(dialect: Dialect) -> None:
    folder = f"tests/dialects/{dialect.name}/exchanges"
    assert list((ROOT / folder).glob("*.json")), f"{folder} has no recorded exchanges"


@each_dialect
def test_every_dialect_has_a_row_in_the_table(dialect: Dialect) -> None:
    table = (ROOT / "docs/dialects/README.md").read_text("utf-8").partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert any(f"({dialect.name}.md)" in row for row in rows), f"docs/dialects/README.md has no row for {dialect.name}"


@pytest.mark.parametrize("kind", [Contact, Account])
def test_every_field_that_crmcom_prints_stands_in_a_response_format(kind: type) -> None:
    """Answers follow the lists of keys: a field that is in none of them is read and never printed."""
    printed = set()
    for each in RESPONSE_FORMATS:
        for key in (*each.keys, *each.optional):
            printed |= {key, *(f"{key}.{inner}" for inner in each.parts.get(key, ()))}
    missing = [field.name for field in fields_of(kind).fields if field.printed and field.name not in printed]
    assert not missing, f"no list of keys in src/crmgraph/dialects/crmcom/response_formats.py has {missing}"


@pytest.mark.parametrize("edge", ["graph.schema", *(f"dialects.{dialect.name}" for dialect in DIALECTS)])
def test_every_refusal_of_the_core_has_words(edge: str) -> None:
    refusals = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.Refused)}
    words = import_module(f"crmgraph.{edge}.errors").WORDS
    file = f"WORDS of src/crmgraph/{edge.replace('.', '/')}/errors.py"
    missing = sorted(each.__name__ for each in refusals - words.keys() - {errors.Refused, errors.Several})
    assert not missing, f"{file} has no row for {', '.join(missing)} of src/crmgraph/crm/errors.py"
    unknown = sorted(each.__name__ for each in words.keys() - refusals)
    assert not unknown, f"{file} has rows for {', '.join(unknown)}, which the core does not refuse by"


@each_dialect
def test_the_paths_of_a_dialect_are_those_of_its_entry(dialect: Dialect, tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path}/own.db", tmp_path)
    core, _ = build(settings)
    paths = [re.sub(r"{(\w+)(:\w+)?}", r"\1", route.path) for route in mounted(core, settings, dialect)]
    assert paths
    assert [path for path in paths if not places_of(dialect).match(path)] == []
