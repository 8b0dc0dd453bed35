"""The enums, with what each of their values means."""

from enum import Enum, StrEnum

from crmgraph.crm import models
from crmgraph.crm.policy import Permission
from crmgraph.crm.records.item_sets import Written
from crmgraph.graph.schema.described import describe as _describe

DIALECTS = tuple(door for door in models.Door if door.is_dialect)


class LegacyDialect(StrEnum):
    """One of the REST APIs that are spoken beside this one: every `Door` that is a dialect. The value is its
    name in the store."""

    _ignore_ = "members door"
    members = vars()
    for door in DIALECTS:
        members[door.name] = door.dialect


class SearchKind(Enum):
    """Which kinds of thing a search looks at; the value is the kind of record."""

    CONTACT = models.PartyKind.CONTACT
    ACCOUNT = models.PartyKind.ACCOUNT
    LEAD = models.PartyKind.LEAD


class ContactGroup(StrEnum):
    """The value is by what contacts are grouped, see `crm/query/groups.py`."""

    ACCOUNT = "account"
    OWNER = "owner"
    COUNTRY = "country"
    CATEGORY = "category"
    LIFE_CYCLE_STATE = "life_cycle_state"
    CREATED_MONTH = "created_month"


class AccountGroup(StrEnum):
    """The value is by what accounts are grouped."""

    OWNER = "owner"
    COUNTRY = "country"
    KIND = "kind"
    ACCOUNT_TYPE = "account_type"
    INDUSTRY = "industry"
    RATING = "rating"
    SEGMENT = "segment"
    STATUS = "status"
    CREATED_MONTH = "created_month"


class LeadGroup(StrEnum):
    """The value is by what leads are grouped."""

    OWNER = "owner"
    COUNTRY = "country"
    APPROVAL = "approval"
    RATING = "rating"
    SOURCE = "source"
    STATUS = "status"
    CREATED_MONTH = "created_month"


class BulkPolicy(StrEnum):
    """What becomes of the other items of a bulk write where some are refused."""

    ALL = "ALL"
    ROWS = "ROWS"


class DuplicateReason(StrEnum):
    """By what two records are alike."""

    SAME_EMAIL = "SAME_EMAIL"
    SAME_PHONE = "SAME_PHONE"
    SAME_EXTERNAL_ID = "SAME_EXTERNAL_ID"
    SIMILAR_NAME = "SIMILAR_NAME"
    SAME_NAME_AND_CITY = "SAME_NAME_AND_CITY"


class ErrorCode(StrEnum):
    """Why an input was refused."""

    NOT_FOUND = "NOT_FOUND"
    AMBIGUOUS = "AMBIGUOUS"
    REQUIRED = "REQUIRED"
    INVALID = "INVALID"
    NOT_AN_EMAIL = "NOT_AN_EMAIL"
    NOT_A_PHONE = "NOT_A_PHONE"
    NOT_A_COUNTRY = "NOT_A_COUNTRY"
    NOT_A_DATE = "NOT_A_DATE"
    NOT_A_DURATION = "NOT_A_DURATION"
    NOT_A_TIME_ZONE = "NOT_A_TIME_ZONE"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    TOO_LONG = "TOO_LONG"
    BAD_CHARACTERS = "BAD_CHARACTERS"
    CHOOSE_ONE = "CHOOSE_ONE"
    REPEATED = "REPEATED"
    ALREADY_CONVERTED = "ALREADY_CONVERTED"
    TAKEN = "TAKEN"
    ALREADY_DONE = "ALREADY_DONE"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    THROTTLED = "THROTTLED"
    FORBIDDEN = "FORBIDDEN"
    TOO_LARGE = "TOO_LARGE"
    TOO_MANY = "TOO_MANY"
    UNSUPPORTED_IMAGE = "UNSUPPORTED_IMAGE"
    STALE = "STALE"
    CONFLICTING = "CONFLICTING"
    CYCLE = "CYCLE"
    LEFT_OUT = "LEFT_OUT"
    POSSIBLE_DUPLICATE = "POSSIBLE_DUPLICATE"
    OTHER_LOGIN_EMAIL = "OTHER_LOGIN_EMAIL"
    LOCKED = "LOCKED"
    NOT_APPROVED = "NOT_APPROVED"
    UNAVAILABLE = "UNAVAILABLE"
    MAIL_NOT_CONFIGURED = "MAIL_NOT_CONFIGURED"
    PASSWORD_TOO_SHORT = "PASSWORD_TOO_SHORT"  # noqa: S105 - a word, not a secret
    PASSWORD_TOO_COMMON = "PASSWORD_TOO_COMMON"  # noqa: S105 - a word, not a secret


_CUSTOM = {f"CUSTOM{n}": f"A use of your own, number {n}." for n in range(1, 6)}

_describe(
    models.Role,
    "What a person who is signed in may do.",
    CUSTOMER="Sees their own contact and its account, and changes their contact.",
    AGENT="Works on every contact, account and lead.",
    ADMIN="Does what an agent does, and manages staff and clients.",
)
_describe(
    models.AccountKind,
    "Whether an account stands for one person or for a business.",
    INDIVIDUAL="One person or household.",
    BUSINESS="A company or another organisation.",
)
_describe(
    models.PhoneKind,
    "What a telephone number is for.",
    LANDLINE="A fixed line at work.",
    MOBILE="A mobile phone.",
    FAX="A fax machine.",
    HOME="A fixed line at home.",
    OTHER="Another number.",
    ASSISTANT="The number of their assistant.",
    CUSTOM4=_CUSTOM["CUSTOM4"],
    CUSTOM5=_CUSTOM["CUSTOM5"],
)
_describe(
    models.EmailKind,
    "What an email address is for.",
    PERSONAL="A private address.",
    BUSINESS="An address at work.",
    **_CUSTOM,
)
_describe(
    models.AddressKind,
    "What a postal address is for.",
    HOME="Where somebody lives.",
    BUSINESS="Where somebody works, or a company is.",
    POBOX="A post office box.",
    BILLING="Where invoices go.",
    SHIPPING="Where goods go.",
    OTHER="Another address.",
    **_CUSTOM,
)
_describe(
    models.Approval,
    "Whether a lead may be worked on yet.",
    APPROVED="It may.",
    AWAITING="It awaits approval.",
)
_describe(
    models.PartyKind,
    "The three kinds of record.",
    CONTACT="A person.",
    ACCOUNT="A company, a household or one person as a customer.",
    LEAD="Somebody who may become a customer.",
)
_describe(
    models.Action,
    "What a change did to a record.",
    CREATED="It came into being.",
    UPDATED="Some of its fields changed.",
    DELETED="It was deleted.",
    CONVERTED="It is a lead that became a contact.",
    MERGED="Another one was merged into it.",
    RESTORED="It was deleted, and is there again.",
    UNCONVERTED="It is a lead whose conversion was undone.",
)
_describe(
    DuplicateReason,
    "By what two records are alike.",
    SAME_EMAIL="They have an email in common.",
    SAME_PHONE="They have a telephone number in common.",
    SAME_EXTERNAL_ID="Other systems call them by the same id.",
    SIMILAR_NAME="Their names are the same, or nearly.",
    SAME_NAME_AND_CITY="They have one name, and live in one city.",
)
_describe(
    models.Door,
    "Through which of the APIs somebody came.",
    GRAPHQL="This one.",
    **{door.name: f"The {door.title} REST API." for door in DIALECTS},
    IMPORT="An import of files.",
    UPSTREAM="An old CRM, from which records are read.",
    OPERATOR="An operator at the command line.",
)
_describe(
    LegacyDialect,
    "A REST API that is spoken beside this one, byte for byte as it was documented.",
    **{door.name: door.description for door in DIALECTS},
)
_describe(
    models.Way,
    "What a call of a legacy API names a field for.",
    called="LegacyFieldUse",
    READ="To be told it.",
    SOUGHT="To find or sort records by it.",
    WRITTEN="To write it.",
)
_describe(
    models.Mode,
    "Who answers a call to a legacy API that has an old CRM behind it.",
    called="UpstreamAnswers",
    OFF="This store.",
    PROXY="The old CRM, to which the call is passed on.",
    SHADOW="The old CRM; afterwards its answer is compared with what this store would have said.",
)
_describe(
    models.DifferenceSort,
    "How a field of two answers differs.",
    VALUE="Both have it, with different values.",
    TYPE="Both have it, as values of different types.",
    MISSING="The old CRM tells it, and this store does not.",
    EXTRA="This store tells it, and the old CRM does not.",
    ORDER="The same objects stand in another order.",
)
_describe(
    SearchKind,
    "Which kinds of thing a search looks at.",
    CONTACT="People.",
    ACCOUNT="Companies, households, and people as customers.",
    LEAD="Whoever may become a customer.",
)
_describe(
    Permission,
    "What you may do with a record as it is now.",
    UPDATE="Change something of it: `updateContact` and the like.",
    DELETE="Delete it.",
    RESTORE="Bring it back, after it was deleted.",
    MERGE="Merge it with another one: `mergeContacts`, `mergeAccounts`, `mergeLeads`.",
    CONVERT="Convert it: `convertLead`.",
    UNCONVERT="Undo its conversion, if nothing has changed since: `unconvertLead`.",
    SEE_IDENTITY="See its identity documents, and change them.",
    ERASE="Erase what is known of the person for good. Nothing can be erased yet.",
)
_OWNER = "Whoever of the staff is responsible."
_COUNTRY = "The country of the primary address, as the filter `address: {primary: true, country: ...}` compares it."
_MONTH = "The month in which the record was created, in UTC, e.g. `2026-03`."
_describe(
    ContactGroup,
    "By what contacts are grouped.",
    ACCOUNT="The account that they belong to.",
    OWNER=_OWNER,
    COUNTRY=_COUNTRY,
    CATEGORY="The category that they are put in.",
    LIFE_CYCLE_STATE="Where they are on the way from a prospect to a customer.",
    CREATED_MONTH=_MONTH,
)
_describe(
    AccountGroup,
    "By what accounts are grouped.",
    OWNER=_OWNER,
    COUNTRY=_COUNTRY,
    KIND="Whether it stands for one person or for a business.",
    ACCOUNT_TYPE="What it is to us, e.g. `Customer` or `Partner`.",
    INDUSTRY="The industry.",
    RATING="How it is rated.",
    SEGMENT="The segment of the market.",
    STATUS="The status.",
    CREATED_MONTH=_MONTH,
)
_describe(
    LeadGroup,
    "By what leads are grouped.",
    OWNER=_OWNER,
    COUNTRY=_COUNTRY,
    APPROVAL="Whether it may be worked on yet.",
    RATING="How promising it is.",
    SOURCE="Where the lead came from.",
    STATUS="How far it is with them.",
    CREATED_MONTH=_MONTH,
)
_describe(
    ErrorCode,
    "Why an input was refused.",
    NOT_FOUND="There is no such thing, or none that you may know of.",
    AMBIGUOUS="Several records answer to what names one.",
    REQUIRED="A value is needed here.",
    INVALID="The value does not have the form that is needed, and no other code says why.",
    NOT_AN_EMAIL="The value is no email address.",
    NOT_A_PHONE="The value is no telephone number, nor the end of one.",
    NOT_A_COUNTRY="The value is no code of a country.",
    NOT_A_DATE="The value is no date, no part of one, or no point in time.",
    NOT_A_DURATION="The value is no duration.",
    NOT_A_TIME_ZONE="The value names no time zone.",
    NOT_A_NUMBER="The value is no number.",
    OUT_OF_RANGE="The number is less or more than is taken.",
    TOO_LONG="The text has more characters, or the amount more decimals, than are kept.",
    BAD_CHARACTERS="The text holds characters that cannot be kept.",
    CHOOSE_ONE="The value is none of those to choose from, or more than one where one is wanted.",
    REPEATED="The value is given a second time where each counts once.",
    ALREADY_CONVERTED="The lead has been converted already.",
    TAKEN="The value is unique, and another record has it.",
    ALREADY_DONE="It was carried out before, and what was answered is not kept.",
    UNAUTHENTICATED="Nobody is signed in, or what proves who it is does not hold.",
    THROTTLED="There were too many tries of late.",
    FORBIDDEN="You may not do this.",
    TOO_LARGE="There is more than is taken.",
    TOO_MANY="You have as many of these in hand as one may have.",
    UNSUPPORTED_IMAGE="The file is no image of a kind that is taken, or is damaged.",
    STALE="The record has changed since it was read.",
    CONFLICTING="It contradicts what is there.",
    CYCLE="The record would stand above itself, or more than 100 records high.",
    LEFT_OUT="A warning: a value was not taken by the records that were joined.",
    POSSIBLE_DUPLICATE="A warning: another record may be the same.",
    OTHER_LOGIN_EMAIL="A warning: the login opens by another email than the primary one.",
    LOCKED="A process holds the record.",
    NOT_APPROVED="The record awaits approval.",
    UNAVAILABLE="Something that is needed does not answer; try again later. Or an old CRM holds the record.",
    MAIL_NOT_CONFIGURED="It needs an email to be sent, and this service sends none.",
    PASSWORD_TOO_SHORT="A password that has too few characters.",  # noqa: S106 - words
    PASSWORD_TOO_COMMON="A password that is guessed first: a common one, or a name or an email.",  # noqa: S106 - words
)
_describe(
    Written,
    "What became of a record that was to be written.",
    CREATED="It was made.",
    UPDATED="It was changed.",
    UNCHANGED="It was all that already: nothing was written.",
    DELETED="It was deleted.",
)
_describe(
    BulkPolicy,
    "What becomes of the other items of a bulk write where some are refused.",
    ALL="All are written, or none.",
    ROWS="Those that are not refused are written.",
)
