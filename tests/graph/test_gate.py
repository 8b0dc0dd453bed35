"""The gate on the schema: what breaks clients is announced.

`schema.graphql` is compared with `released.graphql` beside this file, the schema that clients know: that of the last
release, which the release replaces, and nothing else does. So a clone without history, and one of any branch, is held
against the same. Each breaking change (`graphql.find_breaking_changes`) wants a bullet that begins with **Breaking:**
below `## Unreleased` in CHANGELOG.md and names what breaks: the type and the field, the argument or the value.
"""

import re
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, find_breaking_changes

ROOT = Path(__file__).parents[2]
RELEASED = Path(__file__).with_name("released.graphql")
NAME = re.compile(r"\b[A-Za-z_]\w*\b")
BUILT_IN = {"String", "Int", "Float", "Boolean", "ID"}


def named_by(description: str, schemas: tuple[GraphQLSchema, ...]) -> set[str]:
    """What a breaking change is about: the names in its coordinate, or of the type where it has none."""
    coordinates = re.findall(r"\w+\.\w+(?:\(\w+:\))?", description)
    if coordinates:
        return {name for coordinate in coordinates for name in NAME.findall(coordinate)}
    types = {name for schema in schemas for name in schema.type_map} - BUILT_IN
    return types & set(NAME.findall(description))


def announced_in(changelog: str) -> list[set[str]]:
    """The words of each breaking change that is announced for the next release."""
    unreleased = changelog.partition("## Unreleased\n")[2].partition("\n## ")[0]
    bullets = re.split(r"^- ", unreleased, flags=re.MULTILINE)
    return [set(NAME.findall(bullet)) for bullet in bullets if bullet.startswith("**Breaking:**")]


def unannounced(released: str, current: str, changelog: str) -> list[str]:
    """What breaks clients and is announced nowhere."""
    old, new = build_schema(released), build_schema(current)
    announced = announced_in(changelog)
    return [
        change.description
        for change in find_breaking_changes(old, new)
        if not any(named_by(change.description, (old, new)) <= words for words in announced)
    ]


def test_what_breaks_clients_is_announced() -> None:
    released = RELEASED.read_text(encoding="utf-8")
    current = (ROOT / "schema.graphql").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert unannounced(released, current, changelog) == []


OLD = """type Query { contact(by: ID, deleted: Boolean): Contact }
type Contact { name: String nickname: String }
enum Kind { A B }
input Change { name: String }
type Mutation { change(input: Change, kind: Kind): Contact }"""


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("nickname: String", "", "`Contact.nickname` is gone"),
        ("name: String nickname", "name: [String] nickname", "`Contact.name` is a list"),
        (", deleted: Boolean", "", "`Query.contact` takes no `deleted` any more"),
        ("{ A B }", "{ A }", "`B` of `Kind` is gone"),
        ("enum Kind { A B }", "scalar Kind", "`Kind` is a scalar"),
        ("input Change { name: String }", "input Change { name: String! }", "`Change.name` is required"),
        ("input Change { name: String }", "input Change { name: String kind: Kind! }", "`Change.kind` is required"),
    ],
)
def test_the_gate_is_shut_until_it_is_announced(was: str, becomes: str, words: str) -> None:
    assert OLD.count(was) == 1
    new = OLD.replace(was, becomes)
    log = "# Changes\n\n## Unreleased\n\n- {}: it was {}.\n\n## 0.1.0\n\n- {}: it was.\n"
    assert unannounced(OLD, OLD, "") == []
    for shut in ("", log.format(words, "so", "x"), log.format("x", "so", f"**Breaking:** {words}")):
        assert len(unannounced(OLD, new, shut)) == 1
    assert unannounced(OLD, new, log.format(f"**Breaking:** {words}", "so", "x")) == []


def test_what_breaks_nobody_needs_no_word() -> None:
    new = OLD.replace("nickname: String", "nickname: String! age: Int").replace("{ A B }", "{ A B C }")
    assert unannounced(OLD, new, "") == []
