"""What lists are sorted by."""

from enum import StrEnum

from crmgraph.graph.schema.described import describe


class SortDirection(StrEnum):
    """Which end of a list comes first."""

    ASC = "ASC"
    DESC = "DESC"


class ContactSortField(StrEnum):
    """The value is the column that contacts are sorted by, or several, which have no nulls: of a text its key."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NUMBER = "number_key"
    LAST_NAME = "last_name_key"
    FIRST_NAME = "first_name_key last_name_key"
    FULL_NAME = "full_name_key"
    JOB_TITLE = "job_title_key"
    ACCOUNT_NAME = "account_name_key"
    CATEGORY = "category_key"
    LIFE_CYCLE_STATE = "life_cycle_state_key"
    OWNER = "owner_key"
    EMAIL = "email_key"
    PHONE = "phone_key"
    CITY = "city_key"
    EMAIL_OPT_OUT = "email_opt_out_key"
    SMS_OPT_OUT = "sms_opt_out_key"
    DO_NOT_CALL = "do_not_call_key"
    DIRECT_MARKETING = "direct_marketing_key"
    AFFILIATE_MARKETING = "affiliate_marketing_key"


class AccountSortField(StrEnum):
    """The value is the column that accounts are sorted by, or several, which have no nulls: of a text its key."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NUMBER = "number_key"
    NAME = "name_key"
    KIND = "kind_key"
    ACCOUNT_TYPE = "account_type_key"
    INDUSTRY = "industry_key"
    RATING = "rating_key"
    SEGMENT = "segment_key"
    STATUS = "status_key"
    OWNER = "owner_key"
    EMAIL = "email_key"
    PHONE = "phone_key"
    CITY = "city_key"
    EMAIL_OPT_OUT = "email_opt_out_key"
    SMS_OPT_OUT = "sms_opt_out_key"


class LeadSortField(StrEnum):
    """The value is the column that leads are sorted by, or several, which have no nulls: of a text its key."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NUMBER = "number_key"
    LAST_NAME = "last_name_key"
    FIRST_NAME = "first_name_key last_name_key"
    FULL_NAME = "full_name_key"
    JOB_TITLE = "job_title_key"
    COMPANY = "company_key"
    STATUS = "status_key"
    SOURCE = "source_key"
    RATING = "rating_key"
    APPROVAL = "approval_key"
    CONVERTED = "converted_key"
    OWNER = "owner_key"
    EMAIL = "email_key"
    PHONE = "phone_key"
    CITY = "city_key"
    EMAIL_OPT_OUT = "email_opt_out_key"


class UserSortField(StrEnum):
    """The value is the column that the staff are sorted by, which has no nulls: of a text its key."""

    NAME = "name_key"
    EMAIL = "email_key"
    CREATED_AT = "created_at"


_CREATED = "When the record was created."
_UPDATED = "When the record was last changed."
_NUMBER = "The number, by what its digits say: `CON9` comes before `CON10`."
_LAST_NAME = "The family name, without regard to case and accents."
_FIRST_NAME = "The given name and then the family name, without regard to case and accents."
_FULL_NAME = "The first, middle and last name as they are shown, without regard to case and accents."
_JOB_TITLE = "What they do, without regard to case and accents."
_SORTED_BY_ROWS = {
    "OWNER": "The name of the owner, without regard to case and accents; whoever has no owner comes first.",
    "EMAIL": "The primary email address, without regard to case; whoever has none comes first.",
    "PHONE": "The digits of the primary telephone number, of its E.164 form where it has one; whoever has none comes "
    "first.",
    "CITY": "The city of the primary address, without regard to case and accents; whoever has none comes first.",
}
_NO_FIRST = "No comes first, then yes."
_UNKNOWN_FIRST = "What is not known comes first, then no, then yes."
_RATING = "The rating, without regard to case and accents."

describe(
    SortDirection,
    "Which end of a list comes first.",
    ASC="The least, the earliest, A.",
    DESC="The greatest, the latest, Z.",
)
describe(
    ContactSortField,
    "What contacts can be sorted by.",
    CREATED_AT=_CREATED,
    UPDATED_AT=_UPDATED,
    NUMBER=_NUMBER,
    LAST_NAME=_LAST_NAME,
    FIRST_NAME=_FIRST_NAME,
    FULL_NAME=_FULL_NAME,
    JOB_TITLE=_JOB_TITLE,
    ACCOUNT_NAME="The name of the account, without regard to case and accents; whoever has no account comes first.",
    CATEGORY="The category, without regard to case and accents; whoever has none comes first.",
    LIFE_CYCLE_STATE="The state, without regard to case and accents; whoever has none comes first.",
    **_SORTED_BY_ROWS,
    EMAIL_OPT_OUT=f"Whether they want no email. {_NO_FIRST}",
    SMS_OPT_OUT=f"Whether they want no text messages. {_NO_FIRST}",
    DO_NOT_CALL=f"Whether they want no calls. {_NO_FIRST}",
    DIRECT_MARKETING=f"Whether they agreed to marketing by us. {_UNKNOWN_FIRST}",
    AFFILIATE_MARKETING=f"Whether they agreed to marketing by partners. {_UNKNOWN_FIRST}",
)
describe(
    AccountSortField,
    "What accounts can be sorted by.",
    CREATED_AT=_CREATED,
    UPDATED_AT=_UPDATED,
    NUMBER=_NUMBER,
    NAME="The name, without regard to case and accents.",
    KIND="Whether it is a business or one person, in this order; whatever has no kind comes first.",
    ACCOUNT_TYPE="What it is to us, without regard to case and accents.",
    INDUSTRY="The industry, without regard to case and accents.",
    RATING=_RATING,
    SEGMENT="The segment of the market, without regard to case and accents.",
    STATUS="The status, without regard to case and accents.",
    **_SORTED_BY_ROWS,
    EMAIL_OPT_OUT=f"Whether they want no email. {_NO_FIRST}",
    SMS_OPT_OUT=f"Whether they want no text messages. {_NO_FIRST}",
)
describe(
    LeadSortField,
    "What leads can be sorted by.",
    CREATED_AT=_CREATED,
    UPDATED_AT=_UPDATED,
    NUMBER=_NUMBER,
    LAST_NAME=_LAST_NAME,
    FIRST_NAME=_FIRST_NAME,
    FULL_NAME=_FULL_NAME,
    JOB_TITLE=_JOB_TITLE,
    COMPANY="The company, without regard to case and accents.",
    STATUS="The status, without regard to case and accents.",
    SOURCE="Where the lead came from, without regard to case and accents.",
    RATING=_RATING,
    APPROVAL="What is approved comes before what awaits it.",
    CONVERTED=f"Whether it has been converted. {_NO_FIRST}",
    **_SORTED_BY_ROWS,
    EMAIL_OPT_OUT=f"Whether they want no email. {_NO_FIRST}",
)
describe(
    UserSortField,
    "What the staff can be sorted by.",
    NAME="The name, without regard to case and accents.",
    EMAIL="The email address, without regard to case.",
    CREATED_AT="Since when they are here.",
)
