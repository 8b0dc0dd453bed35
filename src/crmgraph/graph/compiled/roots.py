"""The columns of a statement: what each root field of a query reads, by a reference, by global ids or as a page."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from crmgraph.crm.identity import staff
from crmgraph.crm.models import Credential, Staff
from crmgraph.crm.policy import KINDS, MODELS, Actor, row_visible
from crmgraph.crm.query.former_ids import standing
from crmgraph.crm.query.json_text import Pieces, Sql, constant, joined
from crmgraph.crm.records import lookup
from crmgraph.crm.records.lookup import RefShape
from crmgraph.graph.compiled.finishing import is_finished
from crmgraph.graph.compiled.found import found
from crmgraph.graph.compiled.grouped import choices, groups
from crmgraph.graph.compiled.statement import PLACEHOLDER, REFUSED, Builder, or_null, over
from crmgraph.graph.compiled.tree import ByIds, Changed, Choices, Found, Groups, One, Pages, Typename, Viewer
from crmgraph.graph.schema.ids import Prefix
from crmgraph.graph.schema.nodes import NODES, named_by

CHANGED = "changed_id"
"""The parameter that names the record which a mutation has changed."""


def is_read(root: Any, actor: Actor) -> bool:
    """Whether anything is read for a root field; `__typename` is known, and what nobody may be told is null."""
    match root:
        case Viewer():
            return actor.role is not None
        case One(kind=None) | Pages(staff_only=True):
            return actor.is_staff
    return not isinstance(root, Typename)


def statement(builder: Builder, roots: Sequence[Any]) -> Select[Any]:
    """The statement of the root fields for which something is read.

    Raises:
        Unplannable: SQL cannot print one of the values.
    """
    texts = [_text(builder, root) for root in roots]
    return select(*(builder.write.encoded(joined(text)).label(f"r{i}") for i, text in enumerate(texts)))


def _text(builder: Builder, root: Any) -> Pieces:
    match root:
        case Pages():
            return builder.connection(root, None)
        case Viewer(tree=tree):
            own = Credential.id == builder.actor.credential_id
            return [or_null(builder.row(tree, Credential, own, Credential.live.is_(True)))]
        case One():
            return [_one(builder, root)]
        case Changed(kind=kind, tree=tree):
            changed: Any = MODELS[kind]
            own = changed.id == bindparam(CHANGED, type_=BigInteger())
            return [or_null(builder.row(tree, changed, own, *builder.seen(changed)))]
        case Found():
            return found(builder, root)
        case Groups():
            return groups(builder, root)
        case Choices():
            return choices(builder, root)
        case ByIds():
            if builder.asked[root.number].shape is REFUSED:
                return [PLACEHOLDER]
            return _listed(builder, root) if root.many else [_by_id(builder, root)]
    raise TypeError(f"{type(root).__name__} is no root field")


def _one(builder: Builder, root: One) -> Sql:
    shape: Any = builder.asked[root.number].shape
    if not isinstance(shape, RefShape):
        return constant(PLACEHOLDER)
    prefix = f"n{root.number}_"
    if root.kind is None:
        model: Any = Staff
        conditions = staff.conditions(shape, prefix)
    else:
        model = MODELS[root.kind]
        conditions = lookup.conditions(builder.actor, model, shape, prefix)
    seen = builder.seen(model, deleted=shape.deleted)
    if shape.is_unique:
        return or_null(builder.row(root.tree, model, *conditions, *seen))
    query = select(model.id).where(*conditions, *seen)
    found = query.limit(literal_column("2", Integer())).cte(builder.name())
    several = select(func.count()).select_from(found).scalar_subquery() > literal_column("1", Integer())
    the_one = select(func.min(found.c.id)).scalar_subquery()
    row = builder.row(root.tree, model, model.id == the_one, *seen)
    return case((several, constant(PLACEHOLDER)), else_=or_null(row))


def _by_id(builder: Builder, root: ByIds) -> Sql:
    wanted = bindparam(f"n{root.number}_id", type_=BigInteger())
    deleted = bool(builder.asked[root.number].shape)
    return or_null(*(_node(builder, prefix, tree, wanted, deleted=deleted) for prefix, tree in root.kinds))


def _listed(builder: Builder, root: ByIds) -> Pieces:
    """What several ids name, in their order: of each row of the list, whatever its kind is."""
    ids = bindparam(f"n{root.number}_ids", type_=Text())
    listed = builder.source(_ids_sqlite(ids) if builder.write.sqlite else _ids_postgresql(ids))
    is_told = is_finished(root, builder.refused)
    deleted = bool(builder.asked[root.number].shape)
    texts = []
    for place, (prefix, tree) in enumerate(root.kinds):
        tag = place if is_told else None
        text = _node(builder, prefix, tree, listed.c.id, listed, tag, deleted=deleted)
        texts.append((listed.c.kind == literal_column(f"'{prefix}'", Text()), text))
    each = or_null(case(*texts)) if texts else constant("null")
    return ["[", over(listed, [builder.write.listed(each)]), "]"]


def _ids_sqlite(ids: Any) -> Select[Any]:
    each = func.json_each(ids).table_valued("value", "key")
    parts: list[Any] = [func.json_extract(each.c.value, literal_column(f"'$[{i}]'")) for i in range(2)]
    columns: list[Any] = [cast(parts[0], Text()).label("kind"), cast(parts[1], Integer()).label("id")]
    return select(*columns).order_by(each.c.key)


def _ids_postgresql(ids: Any) -> Select[Any]:
    listed = func.jsonb_array_elements(cast(ids, JSONB)).table_valued("value", with_ordinality="place", name="each")
    each = listed.render_derived()
    parts = [func.jsonb_array_element_text(each.c.value, literal_column(str(i), Integer())) for i in range(2)]
    columns: list[Any] = [cast(parts[0], Text()).label("kind"), cast(parts[1], BigInteger()).label("id")]
    return select(*columns).select_from(each).order_by(each.c.place)


def written(ids: Sequence[str]) -> str:
    """The value of the parameter by which `nodes` is asked for these ids."""
    return orjson.dumps([named_by(each) or ("", 0) for each in ids]).decode()


def _node(
    builder: Builder,
    prefix: Prefix,
    tree: Sequence[Any],
    wanted: ColumnElement[Any],
    parent: Any = None,
    tag: int | None = None,
    *,
    deleted: bool,
) -> Any:
    kind = NODES[prefix]
    if kind.staff_only and not builder.actor.is_staff:
        return null()
    if kind.seen is not None:
        return builder.row(tree, kind.model, kind.model.id == wanted, kind.seen(builder.actor), parent=parent, tag=tag)
    model, deleted = kind.model, (deleted or kind.outlives) and not kind.goes
    own_id = standing(model, wanted) if model in KINDS else wanted
    conditions = [getattr(model, kind.key) == own_id, *builder.seen(model, deleted=deleted)]
    if model not in KINDS and model is not Staff:
        conditions.append(row_visible(builder.actor, model, deleted=deleted))
    return builder.row(tree, model, *conditions, parent=parent, tag=tag)
