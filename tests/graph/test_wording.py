"""The tables of messages: each names its field in a sentence, and one thing is told in one wording wherever it is."""

import ast
import re
import string
from collections import Counter
from pathlib import Path

import crmgraph.graph
from crmgraph.crm import errors as core
from crmgraph.graph.schema.bad_input import ARGUMENTS
from crmgraph.graph.schema.enums import ErrorCode
from crmgraph.graph.schema.errors import REASONS, WORDS, Words

SOURCES = sorted(Path(crmgraph.graph.__file__).parent.rglob("*.py"))
TABLES: dict[str, Words] = (
    {of.__name__: words for of, words in WORDS.items()}
    | {f"Invalid {reason}": words for reason, words in REASONS.items()}
    | {f"argument {fault}": words for fault, words in ARGUMENTS.items()}
)
SAME = [{"NotFound", "Invalid reference"}, {"TooLarge", "Invalid too_long"}, {"Invalid one_of", "argument one of"}]
"""What is one thing to people: it has one wording."""


def test_each_message_names_its_field_and_is_a_sentence() -> None:
    for name, words in TABLES.items():
        assert words.message.endswith((".", "{hint}")), name
        # What is about no single field is a sentence of its own.
        assert words.message.startswith("{it} ") or "{it}" not in words.message, name
        names = [field for _, field, _, _ in string.Formatter().parse(words.message) if field]
        assert names.count("it") <= 1, name


def test_one_thing_has_one_wording_and_one_wording_is_one_thing() -> None:
    by_message: dict[str, set[str]] = {}
    for name, words in TABLES.items():
        by_message.setdefault(words.message, set()).add(name)
    assert [names for names in by_message.values() if len(names) > 1] == SAME
    # What begins alike says the same, so it has the same code.
    codes: dict[str, set[ErrorCode]] = {}
    for words in TABLES.values():
        if "{it}" in words.message:
            said = re.split("[:,.]", re.sub(r"{[^}]*}", "#", words.message))[0]
            codes.setdefault(said, set()).add(words.code)
    assert {said: each for said, each in codes.items() if len(each) > 1} == {
        "# has more than # #": {ErrorCode.TOO_LARGE, ErrorCode.TOO_LONG}  # of items, and of characters
    }
    # And nothing is said to be no such thing in two ways.
    nouns = Counter(re.findall(r"^\{it\} is no ([\w ]+)", "\n".join(w.message for w in TABLES.values()), re.MULTILINE))
    assert [noun for noun, count in nouns.items() if count > 1] == []


def test_every_code_is_told_by_some_row() -> None:
    told = {words.code for words in TABLES.values()}
    # Of warnings, and of a number by its bounds.
    assert set(ErrorCode) - told == {ErrorCode.LEFT_OUT, ErrorCode.POSSIBLE_DUPLICATE, ErrorCode.OTHER_LOGIN_EMAIL}


def test_arguments_are_refused_in_no_words_but_those_of_the_tables() -> None:
    used = set()
    for path in SOURCES:
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            given = call.args[0] if call.args else None
            if name in ("BadInput", "_fault") and isinstance(given, ast.Constant):
                assert isinstance(given.value, str)
                assert given.value in ARGUMENTS, (path, call.lineno)
                used.add(given.value)
            elif name == "BadInput":
                of = given.func.id if isinstance(given, ast.Call) and isinstance(given.func, ast.Name) else given
                known = isinstance(of, str) and issubclass(getattr(core, of), core.Refused)
                assert known or (isinstance(of, ast.Name) and of.id in ("fault", "invalid")), (path, call.lineno)
        if path.name != "bad_input.py":
            assert '"BAD_USER_INPUT"' not in path.read_text().replace('coded(values, "BAD_USER_INPUT")', ""), path
    # Those of values are told from a table of their own.
    assert ARGUMENTS.keys() - used == {"moment", "whole number", "text", "yes or no", "scalar"} - used
