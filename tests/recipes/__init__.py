"""The recipes of the documentation, carried out as they are written on a copy of the tree.

A step of a recipe is a paragraph that begins with a **title**, and the fenced block below it:

- "in `file`, below `line`:" puts the block below that line of the file, indented as the line is;
- "in `file`, instead of `line`:" puts it in the place of that line;
- "a new file, `file`:" is the whole of the file;
- a block of the kind `sh` is run in the copy.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

ROOT = Path(__file__).parents[2]
COPIED = ("src", "tests", "docs", "pyproject.toml", "schema.graphql", "README.md")
_STEP = re.compile(
    r"^\*\*(?P<title>[^*\n]+)\*\*(?P<prose>(?:(?!```|^\*\*).)*?)^```(?P<kind>\w+)\n(?P<block>.*?)^```$", re.M | re.S
)
_AT = re.compile(r"in\s+`(?P<file>[^`]+)`,\s+(?P<how>below|instead\s+of)\s+`(?P<line>[^`]+)`")
_NEW = re.compile(r"a\s+new\s+file,\s+`(?P<file>[^`]+)`")


@dataclass(frozen=True, slots=True)
class Step:
    """A step.

    Attributes:
        title: what the recipe calls it.
        file: what it changes, from the root of the tree; "" for a command.
        line: below which, or instead of which, it puts its lines; "" where it writes the whole file.
        text: the lines, or the command.
        instead: whether that line goes.
    """

    title: str
    file: str
    line: str
    text: str
    instead: bool = False


def steps_of(page: str, heading: str) -> list[Step]:
    """The steps of a recipe.

    Args:
        page: the file, from the root of the tree.
        heading: of the section that is the recipe.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert section is not None, f"{page} has no section {heading}"
    found = []
    for step in _STEP.finditer(section[1]):
        title, prose, kind, block = step["title"].strip(" .:"), step["prose"], step["kind"], step["block"]
        if kind == "sh":
            found.append(Step(title, "", "", block))
        elif at := _AT.search(prose):
            found.append(Step(title, at["file"], at["line"], block, at["how"] != "below"))
        elif new := _NEW.search(prose):
            found.append(Step(title, new["file"], "", block))
        else:
            raise AssertionError(f"{page}, {title}: it does not say where the block goes")
    assert found, f"{page}, {heading}: no steps"
    return found


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe.

    Attributes:
        name: of the file of tests that hold where it was carried out.
    """

    name: str
    page: str
    heading: str

    def steps(self) -> list[Step]:
        """Its steps."""
        return steps_of(self.page, self.heading)


FIELD = Recipe("field", "docs/architecture.md", "Add a field")
DIALECT = Recipe("dialect", "docs/dialects/README.md", "A fifth dialect")
CHECKS = (
    "tests/test_completeness.py",
    "tests/test_lineage.py::test_the_pages_are_those_of_the_tables",
    "tests/test_lineage.py::test_the_graph_has_a_word_for_everything",
    "tests/graph/test_schema.py::test_the_exported_schema_is_this_one",
    "tests/test_migrations.py::test_the_tables_are_those_of_the_models[sqlite]",
)
"""What the project checks anyway and names the places of a field and of a dialect."""


class Copy:
    """A copy of the tree, in which steps are carried out.

    Args:
        folder: where; it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules"))
            else:
                shutil.copy2(ROOT / name, folder / name)
        versions = (folder / "src/crmgraph/migrations/versions").glob("[0-9]*.py")
        self._last = max(path.name[:4] for path in versions)

    def carry_out(self, steps: Sequence[Step]) -> None:
        """Carry out steps, one after the other."""
        for step in steps:
            text = step.text.replace("LAST", self._last).replace("NEXT", f"{int(self._last) + 1:04}")
            file = self.folder / step.file.replace("NEXT", f"{int(self._last) + 1:04}")
            if not step.file:
                self.run(["sh", "-ec", text], step.title)
            elif not step.line:
                assert not file.exists(), f"{step.title}: {step.file} is there already"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            else:
                self._put(file, step, text)

    @staticmethod
    def _put(file: Path, step: Step, text: str) -> None:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        at = [i for i, line in enumerate(lines) if line.strip() == step.line]
        assert len(at) == 1, f"{step.title}: `{step.line}` stands {len(at)} times in {step.file}"
        margin = re.match(r"\s*", lines[at[0]])
        assert margin is not None
        lines[at[0] : at[0] + 1] = [*(() if step.instead else lines[at[0] : at[0] + 1]), indent(text, margin[0])]
        file.write_text("".join(lines), encoding="utf-8")

    def run(self, command: Sequence[str], what: str) -> str:
        """What a command says that goes well in the copy."""
        done = self.tried(command)
        assert done.returncode == 0, f"{what}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout

    def tried(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """A command in the copy, with the copy's package."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = os.environ | {"PYTHONPATH": f"{self.folder / 'src'}:{self.folder}", "PATH": path}
        environment = {k: v for k, v in environment.items() if not k.startswith(("PYTEST_XDIST", "PYTEST_CURRENT"))}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=240
        )

    def tests(self, *names: str) -> subprocess.CompletedProcess[str]:
        """Tests of the copy, in a process of its own."""
        return self.tried([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *names])

    def kept(self) -> dict[Path, bytes]:
        """Every file that recipes may change."""
        return {
            path: path.read_bytes()
            for name in COPIED
            for path in ([self.folder / name] if (self.folder / name).is_file() else (self.folder / name).rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }

    def put_back(self, files: dict[Path, bytes]) -> None:
        """The tree as it was when these files were `kept`."""
        now = self.kept()
        for path in now.keys() - files.keys():
            path.unlink(missing_ok=True)
            # An empty folder, and one with compiled modules alone, can still be imported.
            if not any(other.is_relative_to(path.parent) for other in files):
                shutil.rmtree(path.parent, ignore_errors=True)
        for path, content in files.items():
            if now.get(path) != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
