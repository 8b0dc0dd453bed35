"""What hangs off a record row by row: phones, emails, addresses, relations, external ids, and its photo."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import strawberry
from sqlalchemy import Text, cast, literal_column, select

from crmgraph.crm import models
from crmgraph.crm.models import AddressKind, EmailKind, PhoneKind
from crmgraph.crm.records.relations import shown_given
from crmgraph.crm.values.phone_numbers import national_form
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.declarations import PUBLIC_URL, Row
from crmgraph.graph.schema.enums import LegacyDialect
from crmgraph.graph.schema.fields import column, computed, finished, global_id, looked_up, owner, primary, to_party
from crmgraph.graph.schema.ids import Prefix, encode
from crmgraph.graph.schema.scalars import JSON, CountryCode, EmailAddress, PhoneNumber, Url
from crmgraph.graph.schema.types.node import Node

if TYPE_CHECKING:
    from crmgraph.graph.schema.types.record import Record

_OF = "The record that it belongs to."
_ACTIVE = "Whether it is in use; the other APIs see active ones only."
_NOTES = "Anything to note about it."


def _national(_: Context, e164: str | None) -> str | None:
    return None if e164 is None else national_form(e164)


@strawberry.type(description="A telephone number of a record.")
class Phone(Node):
    model: ClassVar[type] = models.Phone

    id: strawberry.ID = global_id(Prefix.PHONE)
    kind: PhoneKind = column("What it is for.")
    raw: str = column("The number as it was given.")
    e164: PhoneNumber | None = column(
        "The number in E.164, where it is known from where it is dialled; null of local and short numbers, and of what "
        "is no number at all."
    )
    national: str | None = finished(
        "e164",
        by=_national,
        description="How it is written in its country, e.g. `030 90123456`; null of what has no E.164 form.",
    )
    extension: str | None = column("What is dialled once the number has answered, e.g. `12` of `+1 202 555 0123 x12`.")
    valid: bool = column("Whether numbers like this one are given out; false of what has no E.164 form.")
    country: CountryCode | None = column("The country that was given for it.")
    area_code: str | None = column("The area code that was given for it.")
    notes: str | None = column(_NOTES)
    active: bool = column(_ACTIVE)
    primary: bool = primary()
    of: Annotated["Record", strawberry.lazy("crmgraph.graph.schema.types.record")] = owner(_OF)

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Phone)


@strawberry.type(description="An email address of a record.")
class Email(Node):
    model: ClassVar[type] = models.Email

    id: strawberry.ID = global_id(Prefix.EMAIL)
    kind: EmailKind = column("What it is for.")
    address: EmailAddress = column("The address as it was given.")
    verified: bool = column("Whether somebody has shown that it is theirs.")
    notes: str | None = column(_NOTES)
    active: bool = column(_ACTIVE)
    primary: bool = primary()
    of: Annotated["Record", strawberry.lazy("crmgraph.graph.schema.types.record")] = owner(_OF)

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Email)


@strawberry.type(description="A postal address of a record.")
class Address(Node):
    model: ClassVar[type] = models.Address

    id: strawberry.ID = global_id(Prefix.ADDRESS)
    kind: AddressKind = column("What it is for.")
    care_of: str | None = column("Whose care mail is sent to.")
    street: str | None = column("The street, or all lines of it where the number was not given apart.")
    street_number: str | None = column("The number in the street.")
    floor: str | None = column("The floor.")
    apartment: str | None = column("The apartment.")
    area: str | None = column("The area of the city.")
    district: str | None = column("The district.")
    municipality: str | None = column("The municipality.")
    city: str | None = column("The city.")
    state: str | None = column("The state, province or region.")
    postal_code: str | None = column("The postal code.")
    country: CountryCode | None = column(
        "The country; null where nobody has said it and its name is not known. A name that is not known leaves it."
    )
    country_name: str | None = column(
        "The country as it was given, or its English name. A name that is known in any language brings its code along."
    )
    po_box: str | None = column("The post office box.")
    po_box_postal_code: str | None = column("The postal code of the post office box.")
    notes: str | None = column(_NOTES)
    active: bool = column(_ACTIVE)
    primary: bool = primary()
    of: Annotated["Record", strawberry.lazy("crmgraph.graph.schema.types.record")] = owner(_OF)

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Address)


def _given(context: Context, party_id: int, given: dict[str, Any]) -> dict[str, Any]:
    return shown_given(context.actor, party_id, given)


@strawberry.type(description="How a contact stands to somebody else.")
class Relation(Node):
    model: ClassVar[type] = models.Relation

    id: strawberry.ID = global_id(Prefix.RELATION)
    kind: str = column("What the other one is to the contact, e.g. `SPOUSE`.")
    of: Annotated["Record", strawberry.lazy("crmgraph.graph.schema.types.record")] = owner(_OF)
    other: Node | None = to_party("other_id", "The record of the other one, where there is one.")
    given: JSON = finished(
        "party_id",
        "given",
        by=_given,
        description=(
            "The other one as they were named, where no record answers to it; the number of an identity document is "
            "null without the right."
        ),
    )

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Relation)


def _href(context: Context, dialect: str, value: str, kind: str | None) -> str | None:
    api = context.legacy_apis.get(dialect)
    path = None if api is None or kind is None else api.href(models.PartyKind(kind), value)
    return None if path is None else context.core.public_url + path


async def _known(root: Any, info: Info) -> tuple[str, str, str | None]:
    # Whoever sees the id sees the record.
    found = await info.context.loaders.kind().load(root.party_id)
    return root.dialect, root.value, None if found is None else found[0]


def _known_sql(row: Row) -> tuple[Any, ...]:
    kind = select(models.Party.kind).where(models.Party.id == row.party_id).correlate(row.party_id.table)
    return row.dialect, row.value, kind.scalar_subquery()


@strawberry.type(description="What a record is called in another system.")
class ExternalId:
    model: ClassVar[type] = models.ExternalId

    dialect: LegacyDialect = finished(
        "dialect", by=lambda context, dialect: LegacyDialect(dialect), description="Whose id it is."
    )
    space: str = column("Of what kind the id is there, e.g. `record`.")
    value: str = column("The id, as it is written there.")
    href: Url | None = finished(
        "dialect",
        "value",
        "party_id",
        by=_href,
        known=_known,
        sql=_known_sql,
        description="Where that API serves the record.",
    )


@strawberry.type(description="What a record is called in a system that speaks no dialect here.")
class OtherId:
    model: ClassVar[type] = models.ExternalId

    system: str = finished("dialect", by=lambda context, system: system, description="Whose id it is, e.g. `hubspot`.")
    space: str = column("Within which the id names one record, e.g. `Contacts`.")
    value: str = column("The id, as it is written there.")


def _url(size: str, description: str) -> Any:
    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        return f"{info.context.core.public_url}/photos/{root.key}/{size}/{root.file_name}"

    def sql(row: Row) -> Any:
        return PUBLIC_URL.concat("/photos/").concat(row.key).concat(f"/{size}/").concat(row.file_name)

    return looked_up("key", "file_name", resolver=resolve, sql=sql, description=description)


@strawberry.type(description="The photo of a record. Its addresses need no token and cannot be guessed.")
class Photo(Node):
    model: ClassVar[type] = models.Photo

    id: strawberry.ID = computed(
        "party_id",
        by=lambda row: encode(Prefix.PHOTO, row.party_id),
        sql=lambda row: [literal_column(f"'{Prefix.PHOTO}_'", Text()), cast(row.party_id, Text())],
        description="The global id: that of the photo of this record, whichever it is.",
    )
    url: Url = _url("original", "The photo in its own size.")
    medium_url: Url = _url("medium", "The photo in medium size.")
    small_url: Url = _url("small", "The photo as a thumbnail.")
    file_name: str = column("The name under which it is saved.")
    content_type: str = column("`image/jpeg` or `image/png`.")
    width: int = column("The width of the photo in its own size, in pixels.")
    height: int = column("The height of the photo in its own size, in pixels.")
    size_bytes: int = column("The length of the photo in its own size, in bytes.")

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Photo)
