"""Tables that no format knows: what a column is, by its header in nine languages, and by what stands in it."""

from pathlib import Path

from crmgraph.crm.models import PartyKind
from crmgraph.crm.values.text import is_email
from crmgraph.imports.cells import is_empty
from crmgraph.imports.formats import FORMATS, Format, Layout
from crmgraph.imports.formats.model import header_key
from crmgraph.imports.records import Options

DATA = Path(__file__).with_name("headers.tsv")
"""A line for each target: what columns are called that are read so, in en, de, fr, es, it, nl, pt, pl and ja."""
WORDS = {
    word: target
    for target, words in (line.split("\t") for line in DATA.read_text("utf-8").splitlines())
    for word in words.split("|")
}
KNOWN = frozenset(WORDS) | {header_key(name) for each in FORMATS for layout in each.layouts for name in layout.columns}
"""Every header that somebody knows."""
_MANY = 0.8
"""Of the filled cells of a column, those that have to be addresses for it to be one of addresses."""


def layout_of(header: list[str], first_rows: list[list[str]], options: Options) -> tuple[Format, Layout]:
    """How a table is read that no format knows."""
    columns: dict[str, str] = {}
    for index, name in enumerate(header):
        if not name:
            continue
        target = WORDS.get(header_key(name)) or _by_content(index, first_rows[1:])
        if target is not None:
            columns[name] = target
    targets = set(columns.values())
    kind = options.kind
    if kind is None:
        people = targets & {"firstName", "lastName", "name", "email BUSINESS"}
        kind = PartyKind.CONTACT if people or "account" not in targets else PartyKind.ACCOUNT
    if kind is PartyKind.ACCOUNT:
        columns = {name: "name" if target == "account" else target for name, target in columns.items()}
        columns = {name: target.replace(" BUSINESS ", " BILLING ") for name, target in columns.items()}
    elif kind is PartyKind.LEAD:
        columns = {name: "company" if target == "account" else target for name, target in columns.items()}
    system, space = None, "id"
    if options.id_column is not None:
        columns = {**columns, options.id_column: "id"}
        system = options.system or "LIST"
        # Its headers are in a language that nobody knows here: its ids are those of its other exports nevertheless.
        if (stated := next((each for each in FORMATS if each.word == options.format), None)) is not None:
            system, space = options.system or stated.system or system, stated.space_of(kind)
    layout = Layout(str(kind), columns, space)
    return Format("TABLE", "table", system, (layout,), decimal=None, iso=False), layout


def _by_content(index: int, rows: list[list[str]]) -> str | None:
    filled = [row[index].strip() for row in rows if index < len(row) and not is_empty(row[index])]
    if len(filled) >= 3 and sum(map(is_email, filled)) >= _MANY * len(filled):
        return "email BUSINESS"
    return None
