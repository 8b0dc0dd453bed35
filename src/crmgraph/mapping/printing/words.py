"""What a dialect's statements print with: values of every type as JSON, photos, links and external ids."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Select,
    Text,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy import Enum as SqlEnum

from crmgraph.crm.models import ExternalId, Photo, Role, Staff
from crmgraph.crm.models.columns import Money
from crmgraph.crm.policy import Actor, visible
from crmgraph.crm.query.json_text import Pieces, Sql, Writer, constant, joined
from crmgraph.crm.query.references import target_of
from crmgraph.crm.records.external_ids import REFERENCE
from crmgraph.crm.records.lookup import IMPORTED

_ONE = literal_column("1", Integer())
_NONE = literal_column("0", Integer())


@dataclass(frozen=True, slots=True)
class LinkedRow:
    """What a link, or the id of the record or row itself, is printed from, as SQL.

    Attributes:
        given: its external id; NULL where it was made here.
        c: the columns of the record, the row or the staff member.
    """

    given: Sql
    c: Any

    @property
    def external_id(self) -> Sql:
        """Its external id, else ours in decimal."""
        return func.coalesce(self.given, cast(self.c.id, Text()), type_=Text())


class Printing(Writer):
    """Writes what a statement prints for one kind of actor.

    Args:
        sqlite: whether it is for SQLite.
        dialect: whose external ids and extra fields are told.
        actor: as `policy.with_parameters` makes it.
    """

    def __init__(self, *, sqlite: bool, dialect: str, actor: Actor) -> None:
        super().__init__("sqlite" if sqlite else "postgresql")
        self.dialect = dialect
        self.actor = actor
        self._sources = 0

    def source(self, query: Select[Any], parent: Any = None) -> Any:
        """A subquery with a name of its own, that may look at its parent's columns."""
        if parent is not None:
            query = query.correlate(parent)
        self._sources += 1
        return query.subquery(f"t{self._sources}")

    def value(self, column: ColumnElement[Any]) -> Pieces:
        """A value as JSON has it; NULL, or null, of none.

        Raises:
            TypeError: nothing is printed so.
        """
        match column.type:
            case JSON():
                return [type_coerce(column, Text()) if self.sqlite else cast(column, Text())]
            case SqlEnum():
                return ['"', type_coerce(column, Text()), '"']
            case Text():
                return [self.quoted(column)]
            case Boolean():
                return [case((column.is_(True), constant("true")), (column.is_(False), constant("false")))]
            case Integer():
                return [cast(column, Text())]
            case Date():
                return ['"', cast(column, Text()), '"']
            case Money():
                return ['"', type_coerce(column, Text()) if self.sqlite else cast(column, Text()), '"']
        raise TypeError(f"values of {column.type}")

    def words(self, *columns: ColumnElement[Any], none: bool = False) -> Sql:
        """Texts with blanks between, without those that are empty.

        Args:
            none: whether it is NULL where all are empty.
        """
        parts = [case((column != constant(""), constant(" ").concat(column)), else_=constant("")) for column in columns]
        found: Sql = func.substr(joined(list(parts)), literal_column("2", Integer()), type_=Text())
        return func.nullif(found, constant(""), type_=Text()) if none else found

    def of_photo(self, c: Any, name: str) -> ColumnElement[Any]:
        """A column of the photo of a record; NULL where it has none.

        Args:
            c: the columns of the record.
        """
        photo = Photo.__table__.alias()
        return select(photo.c[name]).where(photo.c.party_id == c.id).scalar_subquery()

    def external_id(self, target: str, own_id: Any) -> Sql:
        """The external id of a thing in the dialect; NULL where it has none."""
        # Of several the last one counts, as in `note_external_ids`. Sorted by an expression, for no plan is to walk
        # all ids there are from their end.
        each = ExternalId.__table__.alias()
        query = select(each.c.value).where(
            each.c[f"{target}_id"] == own_id,
            each.c.dialect == constant(self.dialect),
            each.c.former_id.is_(None),
            each.c.space != constant(IMPORTED),
            each.c.space != constant(REFERENCE),
        )
        found: Sql = query.order_by((each.c.id + _NONE).desc()).limit(_ONE).scalar_subquery()
        return found

    def linked(
        self, column: Any, c: Any, text: Callable[[LinkedRow], Pieces], *, actor_by_default: bool = False
    ) -> Sql:
        """What is printed of the record or the staff member that a column names; NULL of none, or none to be seen.

        Args:
            column: the mapped attribute.
            c: the columns of the record that has it.
            actor_by_default: see `Link`.
        """
        own_id: Any = c[column.key]
        model: Any = target_of(column) or Staff
        if actor_by_default and self.actor.staff_id is not None:
            own_id = func.coalesce(own_id, self.actor.staff_id, type_=BigInteger())
        query = select(*model.__table__.c).where(model.id == own_id)
        if model is not Staff:
            query = query.where(visible(self.actor, model))
        named = self.source(query.correlate_except(model))
        target = "staff" if model is Staff else "party"
        return over(named, text(LinkedRow(self.external_id(target, named.c.id), named.c)))

    def text_or(self, column: ColumnElement[Any], nothing: str) -> Sql:
        """A text as JSON, or another in the place of none."""
        return self.quoted(func.coalesce(column, constant(nothing), type_=Text()))

    def first(self, text: ColumnElement[Any], other: ColumnElement[Any]) -> Sql:
        """A text, or another in the place of none."""
        return func.coalesce(text, other, type_=Text())

    def whole(self, number: ColumnElement[Any]) -> Sql:
        """A whole number as JSON, null where there is none."""
        return func.coalesce(cast(number, Text()), constant("null"), type_=Text())

    def choice(self, column: ColumnElement[Any], names: Mapping[Any, str]) -> Sql:
        """What each value of a column is called."""
        found: Sql = case(*((self.holds(column, ours), constant(name)) for ours, name in names.items()))
        return found

    def holds(self, column: ColumnElement[Any], value: StrEnum) -> ColumnElement[bool]:
        """Whether a column holds one of its words."""
        return type_coerce(column, Text()) == constant(value.value)

    def json(self, text: ColumnElement[Any]) -> Sql:
        """A text as JSON, null where there is none."""
        return func.coalesce(self.quoted(text), constant("null"), type_=Text())

    def either(self, condition: ColumnElement[bool], then: str | Pieces, otherwise: str | Pieces) -> Sql:
        """One of two pieces of JSON."""
        first, second = (joined([each] if isinstance(each, str) else each) for each in (then, otherwise))
        found: Sql = case((condition, first), else_=second)
        return found

    def where(self, condition: ColumnElement[bool], text: ColumnElement[Any]) -> Sql:
        """A text, NULL where a condition does not hold."""
        found: Sql = case((condition, text))
        return found

    def without_leading(self, text: ColumnElement[Any], letters: str) -> Sql:
        """A text without those of these letters that it begins with."""
        return func.ltrim(text, constant(letters), type_=Text())

    def first_letters(self, text: ColumnElement[Any], count: int) -> Sql:
        """The beginning of a text."""
        return func.substr(text, _ONE, literal_column(str(count), Integer()), type_=Text())

    def begins(self, text: ColumnElement[Any], *beginnings: str) -> ColumnElement[bool]:
        """Whether a text begins with one of these."""
        return or_(*(self.first_letters(text, len(each)) == constant(each) for each in beginnings))

    def shows_identity(self, c: Any) -> bool | ColumnElement[bool]:
        """Whether the actor may see the identity documents of a contact, see `policy.may_see_identity`."""
        if self.actor.is_staff:
            return self.actor.role is Role.ADMIN or self.actor.sees_identity
        if self.actor.role is not Role.CUSTOMER or self.actor.contact_id is None:
            return False
        own: ColumnElement[bool] = c.id == self.actor.contact_id
        return own


def over(row: Any, pieces: Pieces) -> Sql:
    """What is printed of the only row of a source, or of all by an aggregate; NULL where there is none."""
    found: Sql = select(joined(pieces)).select_from(row).scalar_subquery()
    return found
