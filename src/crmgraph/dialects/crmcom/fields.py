"""What CRM.COM calls the values of contacts (PERSON) and accounts (COMPANY)."""

import datetime as dt
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crmgraph.crm.models import Account, Contact
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.dialects.crmcom import contact_points
from crmgraph.dialects.crmcom.authors import kept, log_information
from crmgraph.dialects.crmcom.codecs import (
    AMOUNT,
    FLAG,
    GENDER,
    ID,
    LANGUAGE,
    NAME_DAY,
    TEXT,
    TIME,
    WHOLE,
    date_of_birth,
    moment,
)
from crmgraph.dialects.crmcom.contact_points import DIALECT, LIFE_CYCLE_STATE, udf
from crmgraph.dialects.crmcom.references import (
    CATEGORY,
    GROUP,
    INDUSTRY,
    PRIVACY_LEVEL,
    SECTOR,
    countries_of,
    read_country,
    short_country,
)
from crmgraph.dialects.crmcom.response_formats import RECORD_UDF, RESPONSE_FORMATS, SHOW, ResponseFormat
from crmgraph.mapping import Always, Codec, Computed, ExtraField, Field, FieldMap, Layout, Listed, Own, Whole
from crmgraph.mapping.printing.layouts import Printed

ESTABLISHED = "established_date"
"""Under which key the whole of an established date is kept; the store has its day."""
CONSENTS = ("direct_marketing", "affiliate_marketing")
"""What a contact lets us send."""


def _full_name(thing: Aggregate, around: EncodingContext) -> str | None:
    record: Any = thing.record
    return " ".join(part for part in (record.first_name, record.last_name) if part) or None


_FULL_NAME = Computed(
    _full_name,
    "first_name, last_name",
    lambda write, c: [write.json(write.words(c.first_name, c.last_name, none=True))],
)


def _established(thing: Aggregate) -> str | None:
    record: Any = thing.record
    if record.established_on is None:
        return None
    whole = kept(thing).get(ESTABLISHED)
    # Another door may have changed the day since.
    return whole if whole and whole[:10] == str(record.established_on) else f"{record.established_on}T00:00:00"


def _sets(fmt: ResponseFormat) -> list[Field]:
    def shown(name: str, fields: FieldMap, names: Iterable[str] | None) -> Field:
        layout = fields.layout(names)
        own = name.removesuffix("_set") if name != "relation_set" else "relations"
        return Field(name, Listed(own, layout), writable=False)

    return [
        shown("addresses_set", contact_points.address(fmt), fmt.parts["addresses_set"]),
        shown("phones_set", contact_points.phone(fmt), fmt.parts["phones_set"]),
        shown("emails_set", contact_points.email(fmt), fmt.parts["emails_set"]),
        shown("relation_set", contact_points.relation(fmt), None),
    ]


def _shared(fmt: ResponseFormat, model: Any) -> list[Field]:
    """What persons and companies have alike, in the same place."""
    return [
        Field("id", Own(), ID, writable=False),
        Field("organizational_unit", Always(0), writable=False),
        Field(
            "owned_by_group",
            ExtraField("owned_by_group"),
            GROUP.whole(fmt.objects["group"]),
            aliases=("owned_by_group_identifier",),
        ),
        *udf(RECORD_UDF),
        Field("log_information", log_information(fmt, model), writable=False),
        # Who set them is asked of the change log, where an answer has them.
        Field("authorization_settings", Always(None), writable=False),
        *_sets(fmt),
    ]


def _demographics(fmt: ResponseFormat) -> list[Field]:
    place = Codec(read_country, countries_of(fmt))
    return [
        Field("demographics.gender", Contact.gender, GENDER),
        Field(
            "demographics.passport_issued_by_country",
            Contact.passport_country,
            place,
            aliases=("demographics.passport_issued_by_country_identifier",),
        ),
        Field("demographics.passport_number", Contact.passport_number, TEXT),
        Field("demographics.social_security_number", Contact.social_security_number, TEXT),
        Field(
            "demographics.country_of_residence",
            Contact.residence_country,
            place,
            aliases=("demographics.country_of_residence_identifier",),
        ),
        Field(
            "demographics.industry_sector",
            ExtraField("industry_sector"),
            SECTOR.whole(),
            aliases=("demographics.industry_sector_identifier",),
        ),
        Field(
            "demographics.date_of_birth",
            Whole((Contact.birth_month, Contact.birth_day, Contact.birth_year)),
            date_of_birth(fmt.objects["birth"]),
        ),
        Field("demographics.name_day", ExtraField("name_day"), NAME_DAY),
        Field("demographics.id_number", Contact.id_number, TEXT),
        Field(
            "demographics.id_issued_by_country",
            Contact.id_country,
            place,
            aliases=("demographics.id_issued_by_country_identifier",),
        ),
        Field(
            "demographics.industry",
            ExtraField("industry"),
            INDUSTRY.whole(),
            aliases=("demographics.industry_identifier",),
        ),
    ]


_PROFILE = [
    Field("company_profile.tax_reference_number", Account.tax_number, TEXT),
    Field("company_profile.annual_turnover", Account.annual_revenue, AMOUNT),
    Field("company_profile.number_of_employees", Account.employees, WHOLE),
    Field("company_profile.profile_year", ExtraField("profile_year"), WHOLE),
    Field(
        "company_profile.established_date",
        Account.established_on,
        Codec(moment),
        shown=Computed(lambda thing, around: _established(thing)),
    ),
    Field(
        "company_profile.industry_sector",
        Account.sector,
        SECTOR.by_name,
        aliases=("company_profile.industry_sector_identifier",),
    ),
    Field(
        "company_profile.registered_in_country",
        Account.registration_country,
        Codec(read_country, short_country),
        aliases=("company_profile.registered_in_country_identifier",),
    ),
    Field("company_profile.vat_registration_number", Account.vat_number, TEXT),
    Field(
        "company_profile.industry", Account.industry, INDUSTRY.by_name, aliases=("company_profile.industry_identifier",)
    ),
    Field("company_profile.vat_registration_date", ExtraField("vat_registration_date"), TIME),
    Field("company_profile.vat_registered_by", ExtraField("vat_registered_by"), TEXT),
    Field("company_profile.registration_number", Account.registration_number, TEXT),
]


def split_times(values: dict[str, Any], extra_fields: dict[str, dict[str, Any]], aggregate: Aggregate | None) -> None:
    """Put the day of an established date into its column and keep the whole of it, in place.

    Args:
        aggregate: the record, of which nothing changes when it tells this very date; None for a new one.
    """
    if "established_on" in values:
        at = values["established_on"]
        whole = at and at.isoformat()
        if aggregate is not None and whole == _established(aggregate):
            del values["established_on"]
            return
        if isinstance(at, dt.datetime):
            values["established_on"] = at.date()
        extra_fields.setdefault(DIALECT, {})[ESTABLISHED] = whole


def _other_part(fields: Iterable[Field], group: str, fmt: ResponseFormat, own: Iterable[Field]) -> list[Field]:
    """The part that belongs to the other kind of record: nothing at all, or all of it empty but the industry.

    Args:
        own: the record's own part, which has its industry.
    """
    if not fmt.both_parts:
        return [Field(group, Always(None), writable=False)]
    industry = {f.name.partition(".")[2]: f for f in own if f.name.partition(".")[2] in ("industry", "industry_sector")}
    empty = {
        "date_of_birth": {"month": None, "day": None, "year": None},
        "name_day": {"month": None, "day": None},
    }
    found = []
    for f in fields:
        name = f.name.partition(".")[2]
        at, codec = (
            (industry[name].at, industry[name].codec) if name in industry else (Always(empty.get(name)), Codec())
        )
        found.append(Field(f.name, at, codec, f.aliases, writable=False))
    return found


def _person(fmt: ResponseFormat) -> FieldMap:
    demographics = _demographics(fmt)
    return FieldMap(
        DIALECT,
        Contact,
        [
            *_shared(fmt, Contact),
            Field("type", Always("PERSON"), writable=False),
            Field("title", Contact.salutation, TEXT),
            Field("first_name", Contact.first_name, TEXT),
            Field("middle_name", Contact.middle_name, TEXT),
            Field("last_name", Contact.last_name, TEXT),
            Field("name", _FULL_NAME, writable=False),
            Field("company_name", Always(None), writable=False),
            Field("notes", Contact.description, TEXT),
            Field("preferred_language", Contact.language, LANGUAGE),
            Field("life_cycle_state", Contact.life_cycle_state, LIFE_CYCLE_STATE, writable=False),
            Field("category", Contact.category, CATEGORY.by_name, aliases=("category_identifier",)),
            Field("privacy_level", Contact.privacy_level, PRIVACY_LEVEL.by_name, aliases=("privacy_level_identifier",)),
            Field("send_direct_marketing_material", Contact.direct_marketing, FLAG, printed=False),
            Field("send_affiliate_marketing_material", Contact.affiliate_marketing, FLAG, printed=False),
            *demographics,
            *_other_part(_PROFILE, "company_profile", fmt, demographics),
        ],
    )


def _company(fmt: ResponseFormat) -> FieldMap:
    names = ("title", "first_name", "middle_name", "last_name")
    return FieldMap(
        DIALECT,
        Account,
        [
            *_shared(fmt, Account),
            Field("type", Always("COMPANY"), writable=False),
            *(Field(name, Always(None), writable=False) for name in names),
            Field("name", Computed(lambda thing, around: thing.record.name, "name"), writable=False),
            Field("company_name", Account.name, TEXT),
            Field("notes", Account.description, TEXT),
            Field("preferred_language", Account.language, LANGUAGE),
            Field("life_cycle_state", ExtraField("life_cycle_state"), LIFE_CYCLE_STATE, writable=False),
            Field("category", ExtraField("category"), CATEGORY.whole(), aliases=("category_identifier",)),
            Field(
                "privacy_level",
                ExtraField("privacy_level"),
                PRIVACY_LEVEL.whole(),
                aliases=("privacy_level_identifier",),
            ),
            *(Field(f"send_{name}_material", ExtraField(name), FLAG, printed=False) for name in CONSENTS),
            *_PROFILE,
            *_other_part(_demographics(fmt), "demographics", fmt, _PROFILE),
        ],
    )


@dataclass(frozen=True, slots=True)
class Tables:
    """The fields of both kinds of record, as one response format has them."""

    person: FieldMap
    company: FieldMap


@functools.cache
def _tables() -> dict[str, Tables]:
    return {fmt.name: Tables(_person(fmt), _company(fmt)) for fmt in RESPONSE_FORMATS}


def fields_of(kind: type, fmt: ResponseFormat = SHOW) -> FieldMap:
    """The fields of contacts or accounts. What requests bring is the same in every format.

    Args:
        kind: Contact or Account.
    """
    tables = _tables()[fmt.name]
    return tables.person if kind is Contact else tables.company


@functools.lru_cache(maxsize=256)
def layout(kind: type, name: str, keys: tuple[str, ...]) -> Layout:
    """How these keys of a record are printed.

    Args:
        name: of the response format.
    """
    fmt = next(fmt for fmt in RESPONSE_FORMATS if fmt.name == name)
    fields = fields_of(kind, fmt)
    known = {f.name for f in fields.fields}
    wanted: list[str] = []
    for key in keys:
        # An object's keys, in the order of the format; a part that is nothing at all is one value.
        wanted += [key] if key in known else [f"{key}.{inner}" for inner in fmt.parts[key]]
    return fields.layout(wanted)


@functools.cache
def printed() -> Printed:
    """A contact as it is shown whole."""
    return Printed(layout(Contact, SHOW.name, SHOW.keys))
