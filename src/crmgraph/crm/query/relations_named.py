"""The kinds of the records that a change of relations names.

A relation holds the id of the other record, and so does the change log; of what kind that record is, the id does not
say, and the relation may be gone.
"""

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from crmgraph.crm.models.columns import FIRST_MINTED_ID

_RELATIONS, _OTHER = "relations.", "other_id"


def named_by_relations(fields: list[dict[str, Any]]) -> list[int]:
    """The ids of the records that an entry of the change log names in relations.

    Args:
        fields: as the log has them.
    """
    found: set[int] = set()
    for each in fields:
        if not each["field"].startswith(_RELATIONS):
            continue
        for value in (each.get("old"), each.get("new")):
            other = value.get(_OTHER) if isinstance(value, dict) else value
            if isinstance(other, int) and other >= FIRST_MINTED_ID:
                found.add(other)
    return sorted(found)


class KindsNamed(FunctionElement[Any]):
    """The same with their kinds, over the column of the fields: a list of [id, kind]; null where there are none."""

    type = JSON()
    inherit_cache = True
    name = "kinds_named"


_NAMED = "party AS named WHERE named.id IN"
_NUMBERS = f'@.type() == "number" && @ >= {FIRST_MINTED_ID} && @ < {2**53}'


@compiles(KindsNamed, "sqlite")
def _sqlite(element: KindsNamed, compiler: SQLCompiler, **given: Any) -> str:
    fields = compiler.process(element.clauses, **given)
    keys = f"each.type = 'integer' AND each.key IN ('old', 'new', '{_OTHER}')"
    ids = f"SELECT each.value FROM json_tree({fields}) AS each WHERE {keys}"  # noqa: S608 - nothing in it is given
    kinds = f"SELECT json_group_array(json_array(named.id, named.kind)) FROM {_NAMED} ({ids})"  # noqa: S608 - as above
    return f"CASE WHEN instr({fields}, '\"{_RELATIONS}') THEN ({kinds}) END"


@compiles(KindsNamed, "postgresql")
def _postgresql(element: KindsNamed, compiler: SQLCompiler, **given: Any) -> str:
    fields = compiler.process(element.clauses, **given)
    path = f'$[*] ? (@.field starts with "{_RELATIONS}").*.** ? ({_NUMBERS})'
    ids = f"SELECT trunc(each::numeric)::bigint FROM jsonb_path_query({fields}, '{path}') AS each"  # noqa: S608 - as above
    return f"(SELECT jsonb_agg(jsonb_build_array(named.id, named.kind)) FROM {_NAMED} ({ids}))"  # noqa: S608 - as above
