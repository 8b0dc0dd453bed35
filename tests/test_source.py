"""Rules of the source that the linter has no word for."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "tests", "bench")
SUPPRESSION = re.compile(r"#\s*(noqa(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?|type:\s*ignore(\[[^]]*\])?|pragma:\s*no cover)")
"""What tells a tool to look away, with its codes."""


def unexplained(text: str) -> Iterator[int]:
    """The lines on which a suppression has no reason: none behind it, and no comment on the line above."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = {token.start[0]: token for token in tokens if token.type == tokenize.COMMENT}
    for number, comment in comments.items():
        if not SUPPRESSION.search(comment.string):
            continue
        above = comments.get(number - 1)
        alone = above is not None and above.line.strip() == above.string
        if not alone and not re.search(r"\w", SUPPRESSION.sub("", comment.string)):
            yield number


@pytest.mark.parametrize(
    ("line", "explained"),
    [
        ("x = 1  # noqa: S105", False),
        ("x = 1  # noqa: S105, A002", False),
        ("x = 1  # noqa: S105 - a word", True),
        ("x = 1  # type: ignore[arg-type]", False),
        ("x = 1  # type: ignore[arg-type, no-any-return]  # theirs says bool", True),
        ("x = 1  # pragma: no cover", False),
        ("# Why.\nx = 1  # noqa: S105", True),
        ("y = 2  # why\nx = 1  # noqa: S105", False),
        ('x = "# noqa: S105"', True),
    ],
)
def test_a_reason_stands_behind_a_suppression_or_above_it(line: str, explained: bool) -> None:
    assert (list(unexplained(f"{line}\n")) == []) is explained


def test_every_suppression_has_its_reason() -> None:
    files = (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
    own = [file for file in files if not {".venv", "node_modules"} & set(file.parts)]
    found = [f"{file.relative_to(ROOT)}:{line}" for file in own for line in unexplained(file.read_text("utf-8"))]
    assert not found, f"say behind the suppression, or in a comment above it, why it is right: {found}"


def opens_transactions(tree: ast.AST, around: tuple[str, ...] = ()) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Where a transaction of a `Database` is opened: the line, and the docstrings of what is around."""
    for node in ast.iter_child_nodes(tree):
        inside = around
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inside = (*around, " ".join((ast.get_docstring(node) or "").split()))
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("begin", "transact")
        ):
            yield node.lineno, around
        yield from opens_transactions(node, inside)


def test_whatever_of_the_core_opens_its_own_transactions_says_so() -> None:
    silent = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in (ROOT / "src/crmgraph/crm").rglob("*.py")
        for line, docstrings in opens_transactions(ast.parse(file.read_text("utf-8")))
        if not any("own transaction" in docstring for docstring in docstrings)
    ]
    assert not silent, f"no docstring around says that this opens its own transaction: {silent}"


def test_no_test_imports_what_is_private_to_a_module() -> None:
    """Ruff's SLF001 finds what is private to an object."""
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in (ROOT / "tests").rglob("*.py")
        if not {".venv", "node_modules"} & set(file.parts)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and any(each.name.startswith("_") for each in node.names)
    ]
    assert not found, f"a test goes through what is public: {found}"
