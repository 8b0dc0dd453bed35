"""The first tables."""

import sqlalchemy as sa
from alembic import op

from crmgraph.crm.models import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "attempt",
    "counter",
    "party",
    "staff",
    "account",
    "address",
    "email",
    "legacy_client",
    "note",
    "phone",
    "photo",
    "relation",
    "contact",
    "external_id",
    "legacy_token",
    "credential",
    "lead",
    "sales_order",
    "change",
    "proof",
    "session",
    "refresh_token",
)
NOT_MINTED = {"counter", "contact", "account", "lead", "photo", "session", "refresh_token", "proof", "legacy_token"}
PRIMARY_CONTACT = "fk_account_primary_contact_id_contact"


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "attempt",
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attempt_at"), "attempt", ["at"], unique=False)
    op.create_index("ix_attempt_subject_at", "attempt", ["subject", "at"], unique=False)
    op.create_table(
        "counter",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("value", columns.BigId, nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_counter")),
    )
    op.create_table(
        "party",
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum("CONTACT", "ACCOUNT", "LEAD", name="partykind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "staff",
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column(
            "role", sa.Enum("CUSTOMER", "AGENT", "ADMIN", name="role", native_enum=False, length=24), nullable=False
        ),
        sa.Column("sees_identity", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "account",
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_key", columns.FoldedText, nullable=False),
        sa.Column(
            "kind", sa.Enum("INDIVIDUAL", "BUSINESS", name="accountkind", native_enum=False, length=24), nullable=True
        ),
        sa.Column("account_type", sa.Text(), nullable=True),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("employees", columns.BigId, nullable=True),
        sa.Column("annual_revenue", columns.Money(), nullable=True),
        sa.Column("ownership", sa.Text(), nullable=True),
        sa.Column("rating", sa.Text(), nullable=True),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("sic_code", sa.Text(), nullable=True),
        sa.Column("ticker_symbol", sa.Text(), nullable=True),
        sa.Column("registration_number", sa.Text(), nullable=True),
        sa.Column("registration_country", sa.Text(), nullable=True),
        sa.Column("vat_number", sa.Text(), nullable=True),
        sa.Column("tax_number", sa.Text(), nullable=True),
        sa.Column("established_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("platform", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("sms_opt_out", sa.Boolean(), nullable=False),
        sa.Column("parent_id", columns.BigId, nullable=True),
        sa.Column("primary_contact_id", columns.BigId, nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("updated_at", columns.Moment(), nullable=False),
        sa.Column("deleted_at", columns.Moment(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("email_opt_out", sa.Boolean(), nullable=False),
        sa.Column("remainder", columns.Document, nullable=False),
        sa.Column("id", columns.BigId, autoincrement=False, nullable=False),
        sa.Column("owner_id", columns.BigId, nullable=True),
        sa.Column("created_by_id", columns.BigId, nullable=True),
        sa.Column("modified_by_id", columns.BigId, nullable=True),
        sa.Column("push_notifications", sa.Boolean(), nullable=False),
        sa.Column("do_not_disturb", sa.Boolean(), nullable=False),
        sa.Column("roaming", sa.Boolean(), nullable=False),
        sa.Column("show_usage_details", sa.Boolean(), nullable=False),
        sa.Column("show_live_chat", sa.Boolean(), nullable=False),
        sa.Column("show_weather", sa.Boolean(), nullable=False),
        sa.Column("show_finance", sa.Boolean(), nullable=False),
        sa.Column("show_calendar", sa.Boolean(), nullable=False),
        sa.Column("show_news", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["staff.id"], name=op.f("fk_account_created_by_id_staff")),
        sa.ForeignKeyConstraint(["id"], ["party.id"], name=op.f("fk_account_id_party")),
        sa.ForeignKeyConstraint(["modified_by_id"], ["staff.id"], name=op.f("fk_account_modified_by_id_staff")),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"], name=op.f("fk_account_owner_id_staff")),
        sa.ForeignKeyConstraint(["parent_id"], ["account.id"], name=op.f("fk_account_parent_id_account")),
        # Accounts and contacts point at each other: where constraints can be added later, this one is.
        *([sa.ForeignKeyConstraint(["primary_contact_id"], ["contact.id"], name=PRIMARY_CONTACT)] if sqlite else []),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    op.create_index(
        "ix_account_created_at_id",
        "account",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_account_name_key_id",
        "account",
        ["name_key", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(op.f("ix_account_owner_id"), "account", ["owner_id"], unique=False)
    op.create_index(op.f("ix_account_parent_id"), "account", ["parent_id"], unique=False)
    op.create_index(op.f("ix_account_primary_contact_id"), "account", ["primary_contact_id"], unique=False)
    op.create_index("ix_account_registration_number", "account", ["registration_number"], unique=False)
    op.create_index(
        "ix_account_updated_at_id",
        "account",
        ["updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index("ix_account_vat_number", "account", ["vat_number"], unique=False)
    op.create_index(
        "uq_account_number",
        "account",
        ["number"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "address",
        sa.Column(
            "kind",
            sa.Enum(
                "HOME",
                "BUSINESS",
                "POBOX",
                "BILLING",
                "SHIPPING",
                "OTHER",
                "CUSTOM1",
                "CUSTOM2",
                "CUSTOM3",
                "CUSTOM4",
                "CUSTOM5",
                name="addresskind",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("care_of", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("street_number", sa.Text(), nullable=True),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("apartment", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("municipality", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("city_key", columns.FoldedText, nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("country_name", sa.Text(), nullable=True),
        sa.Column("po_box", sa.Text(), nullable=True),
        sa.Column("po_box_postal_code", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("name_key", columns.FoldedText, nullable=False),
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("remainder", columns.Document, nullable=False),
        sa.Column("party_id", columns.BigId, nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_address_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_address_city_key_name_key_party_id", "address", ["city_key", "name_key", "party_id"], unique=False
    )
    op.create_index("ix_address_country", "address", ["country"], unique=False)
    op.create_index("ix_address_party_id_rank_id", "address", ["party_id", "rank", "id"], unique=False)
    op.create_table(
        "email",
        sa.Column(
            "kind",
            sa.Enum(
                "PERSONAL",
                "BUSINESS",
                "CUSTOM1",
                "CUSTOM2",
                "CUSTOM3",
                "CUSTOM4",
                "CUSTOM5",
                name="emailkind",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", columns.FoldedText, nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("remainder", columns.Document, nullable=False),
        sa.Column("party_id", columns.BigId, nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_email_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_email_address_key", "email", ["address_key"], unique=False)
    op.create_index("ix_email_party_id_rank_id", "email", ["party_id", "rank", "id"], unique=False)
    op.create_table(
        "legacy_client",
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column(
            "dialect",
            sa.Enum(
                "GRAPHQL",
                "COVALENSE",
                "ZOHO",
                "CRMCOM",
                "VALOMNIA",
                "IMPORT",
                "OPERATOR",
                name="door",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("grants", columns.Document, nullable=False),
        sa.Column("staff_id", columns.BigId, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_legacy_client_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legacy_client")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_legacy_client_dialect_login_organisation",
        "legacy_client",
        ["dialect", "login", "organisation"],
        unique=True,
    )
    op.create_table(
        "note",
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("party_id", columns.BigId, nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("updated_at", columns.Moment(), nullable=False),
        sa.Column("owner_id", columns.BigId, nullable=True),
        sa.Column("created_by_id", columns.BigId, nullable=True),
        sa.Column("modified_by_id", columns.BigId, nullable=True),
        sa.Column("remainder", columns.Document, nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["staff.id"], name=op.f("fk_note_created_by_id_staff")),
        sa.ForeignKeyConstraint(["modified_by_id"], ["staff.id"], name=op.f("fk_note_modified_by_id_staff")),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"], name=op.f("fk_note_owner_id_staff")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_note_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_note_party_id_id", "note", ["party_id", "id"], unique=False)
    op.create_table(
        "phone",
        sa.Column(
            "kind",
            sa.Enum(
                "LANDLINE",
                "MOBILE",
                "FAX",
                "HOME",
                "OTHER",
                "ASSISTANT",
                "CUSTOM4",
                "CUSTOM5",
                name="phonekind",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("e164", sa.Text(), nullable=True),
        sa.Column("digits", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("area_code", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("remainder", columns.Document, nullable=False),
        sa.Column("party_id", columns.BigId, nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_phone_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_phone_digits", "phone", ["digits"], unique=False)
    op.create_index("ix_phone_e164", "phone", ["e164"], unique=False)
    op.create_index("ix_phone_party_id_rank_id", "phone", ["party_id", "rank", "id"], unique=False)
    op.create_table(
        "photo",
        sa.Column("party_id", columns.BigId, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_photo_party_id_party")),
        sa.PrimaryKeyConstraint("party_id", name=op.f("pk_photo")),
        sa.UniqueConstraint("key", name=op.f("uq_photo_key")),
    )
    op.create_table(
        "relation",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("other_id", columns.BigId, nullable=True),
        sa.Column("given", columns.Document, nullable=False),
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("remainder", columns.Document, nullable=False),
        sa.Column("party_id", columns.BigId, nullable=False),
        sa.ForeignKeyConstraint(["other_id"], ["party.id"], name=op.f("fk_relation_other_id_party")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_relation_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relation")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_relation_other_id"), "relation", ["other_id"], unique=False)
    op.create_index("ix_relation_party_id_rank_id", "relation", ["party_id", "rank", "id"], unique=False)
    op.create_table(
        "contact",
        sa.Column("nickname", sa.Text(), nullable=True),
        sa.Column("gender", sa.Text(), nullable=True),
        sa.Column("birth_day", sa.Integer(), nullable=True),
        sa.Column("birth_month", sa.Integer(), nullable=True),
        sa.Column("birth_year", sa.Integer(), nullable=True),
        sa.Column("job_title", sa.Text(), nullable=True),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("assistant", sa.Text(), nullable=True),
        sa.Column("decision_maker", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("twitter", sa.Text(), nullable=True),
        sa.Column("skype", sa.Text(), nullable=True),
        sa.Column("do_not_call", sa.Boolean(), nullable=False),
        sa.Column("sms_opt_out", sa.Boolean(), nullable=False),
        sa.Column("direct_marketing", sa.Boolean(), nullable=True),
        sa.Column("affiliate_marketing", sa.Boolean(), nullable=True),
        sa.Column("life_cycle_state", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("privacy_level", sa.Text(), nullable=True),
        sa.Column("residence_country", sa.Text(), nullable=True),
        sa.Column("id_number", sa.Text(), nullable=True),
        sa.Column("id_country", sa.Text(), nullable=True),
        sa.Column("passport_number", sa.Text(), nullable=True),
        sa.Column("passport_country", sa.Text(), nullable=True),
        sa.Column("social_security_number", sa.Text(), nullable=True),
        sa.Column("social_security_country", sa.Text(), nullable=True),
        sa.Column("account_id", columns.BigId, nullable=True),
        sa.Column("reports_to_id", columns.BigId, nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("updated_at", columns.Moment(), nullable=False),
        sa.Column("deleted_at", columns.Moment(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("email_opt_out", sa.Boolean(), nullable=False),
        sa.Column("remainder", columns.Document, nullable=False),
        sa.Column("id", columns.BigId, autoincrement=False, nullable=False),
        sa.Column("owner_id", columns.BigId, nullable=True),
        sa.Column("created_by_id", columns.BigId, nullable=True),
        sa.Column("modified_by_id", columns.BigId, nullable=True),
        sa.Column("salutation", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("middle_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("last_name_key", columns.FoldedText, nullable=False),
        sa.Column("push_notifications", sa.Boolean(), nullable=False),
        sa.Column("do_not_disturb", sa.Boolean(), nullable=False),
        sa.Column("roaming", sa.Boolean(), nullable=False),
        sa.Column("show_usage_details", sa.Boolean(), nullable=False),
        sa.Column("show_live_chat", sa.Boolean(), nullable=False),
        sa.Column("show_weather", sa.Boolean(), nullable=False),
        sa.Column("show_finance", sa.Boolean(), nullable=False),
        sa.Column("show_calendar", sa.Boolean(), nullable=False),
        sa.Column("show_news", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_contact_account_id_account")),
        sa.ForeignKeyConstraint(["created_by_id"], ["staff.id"], name=op.f("fk_contact_created_by_id_staff")),
        sa.ForeignKeyConstraint(["id"], ["party.id"], name=op.f("fk_contact_id_party")),
        sa.ForeignKeyConstraint(["modified_by_id"], ["staff.id"], name=op.f("fk_contact_modified_by_id_staff")),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"], name=op.f("fk_contact_owner_id_staff")),
        sa.ForeignKeyConstraint(["reports_to_id"], ["contact.id"], name=op.f("fk_contact_reports_to_id_contact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
    )
    op.create_index(
        "ix_contact_account_id_created_at_id",
        "contact",
        ["account_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_contact_account_id_id",
        "contact",
        ["account_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_contact_account_id_last_name_key_id",
        "contact",
        ["account_id", "last_name_key", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_contact_created_at_id",
        "contact",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index("ix_contact_id_number", "contact", ["id_number"], unique=False)
    op.create_index(
        "ix_contact_last_name_key_id",
        "contact",
        ["last_name_key", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(op.f("ix_contact_owner_id"), "contact", ["owner_id"], unique=False)
    op.create_index("ix_contact_passport_number", "contact", ["passport_number"], unique=False)
    op.create_index(op.f("ix_contact_reports_to_id"), "contact", ["reports_to_id"], unique=False)
    op.create_index("ix_contact_social_security_number", "contact", ["social_security_number"], unique=False)
    op.create_index(
        "ix_contact_updated_at_id",
        "contact",
        ["updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "uq_contact_number",
        "contact",
        ["number"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "external_id",
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=True),
        sa.Column("party_id", columns.BigId, nullable=True),
        sa.Column("staff_id", columns.BigId, nullable=True),
        sa.Column("phone_id", columns.BigId, nullable=True),
        sa.Column("email_id", columns.BigId, nullable=True),
        sa.Column("address_id", columns.BigId, nullable=True),
        sa.CheckConstraint(
            " + ".join(
                f"CASE WHEN {target}_id IS NULL THEN 0 ELSE 1 END"
                for target in ("party", "staff", "phone", "email", "address")
            )
            + " = 1",
            name=op.f("ck_external_id_one_target"),
        ),
        sa.ForeignKeyConstraint(
            ["address_id"], ["address.id"], name=op.f("fk_external_id_address_id_address"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["email_id"], ["email.id"], name=op.f("fk_external_id_email_id_email"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_external_id_party_id_party")),
        sa.ForeignKeyConstraint(
            ["phone_id"], ["phone.id"], name=op.f("fk_external_id_phone_id_phone"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_external_id_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_external_id_address_id"), "external_id", ["address_id"], unique=False)
    op.create_index(op.f("ix_external_id_email_id"), "external_id", ["email_id"], unique=False)
    op.create_index(op.f("ix_external_id_party_id"), "external_id", ["party_id"], unique=False)
    op.create_index(op.f("ix_external_id_phone_id"), "external_id", ["phone_id"], unique=False)
    op.create_index(op.f("ix_external_id_staff_id"), "external_id", ["staff_id"], unique=False)
    op.create_index(
        "uq_external_id_dialect_space_value_live", "external_id", ["dialect", "space", "value", "live"], unique=True
    )
    op.create_table(
        "legacy_token",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("client_id", columns.BigId, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("grants", columns.Document, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=True),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["legacy_client.id"],
            name=op.f("fk_legacy_token_client_id_legacy_client"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_legacy_token")),
    )
    op.create_index(op.f("ix_legacy_token_client_id"), "legacy_token", ["client_id"], unique=False)
    op.create_index(op.f("ix_legacy_token_expires_at"), "legacy_token", ["expires_at"], unique=False)
    op.create_table(
        "credential",
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", columns.FoldedText, nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=True),
        sa.Column("contact_id", columns.BigId, nullable=True),
        sa.Column("staff_id", columns.BigId, nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_credential_contact_id_contact")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_credential_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_credential_contact_id", "credential", ["contact_id"], unique=True)
    op.create_index("uq_credential_email_key_live", "credential", ["email_key", "live"], unique=True)
    op.create_index("uq_credential_staff_id", "credential", ["staff_id"], unique=True)
    op.create_table(
        "lead",
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("job_title", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("rating", sa.Text(), nullable=True),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("annual_revenue", columns.Money(), nullable=True),
        sa.Column("employees", columns.BigId, nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("twitter", sa.Text(), nullable=True),
        sa.Column("skype", sa.Text(), nullable=True),
        sa.Column(
            "approval", sa.Enum("APPROVED", "AWAITING", name="approval", native_enum=False, length=24), nullable=False
        ),
        sa.Column("locked_by", sa.Text(), nullable=True),
        sa.Column("converted_at", columns.Moment(), nullable=True),
        sa.Column("converted_contact_id", columns.BigId, nullable=True),
        sa.Column("converted_account_id", columns.BigId, nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("updated_at", columns.Moment(), nullable=False),
        sa.Column("deleted_at", columns.Moment(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("email_opt_out", sa.Boolean(), nullable=False),
        sa.Column("remainder", columns.Document, nullable=False),
        sa.Column("id", columns.BigId, autoincrement=False, nullable=False),
        sa.Column("owner_id", columns.BigId, nullable=True),
        sa.Column("created_by_id", columns.BigId, nullable=True),
        sa.Column("modified_by_id", columns.BigId, nullable=True),
        sa.Column("salutation", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("middle_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("last_name_key", columns.FoldedText, nullable=False),
        sa.ForeignKeyConstraint(
            ["converted_account_id"], ["account.id"], name=op.f("fk_lead_converted_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["converted_contact_id"], ["contact.id"], name=op.f("fk_lead_converted_contact_id_contact")
        ),
        sa.ForeignKeyConstraint(["created_by_id"], ["staff.id"], name=op.f("fk_lead_created_by_id_staff")),
        sa.ForeignKeyConstraint(["id"], ["party.id"], name=op.f("fk_lead_id_party")),
        sa.ForeignKeyConstraint(["modified_by_id"], ["staff.id"], name=op.f("fk_lead_modified_by_id_staff")),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"], name=op.f("fk_lead_owner_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead")),
    )
    op.create_index(op.f("ix_lead_converted_account_id"), "lead", ["converted_account_id"], unique=False)
    op.create_index(op.f("ix_lead_converted_contact_id"), "lead", ["converted_contact_id"], unique=False)
    op.create_index(
        "ix_lead_created_at_id",
        "lead",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_lead_last_name_key_id",
        "lead",
        ["last_name_key", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(op.f("ix_lead_owner_id"), "lead", ["owner_id"], unique=False)
    op.create_index(
        "ix_lead_updated_at_id",
        "lead",
        ["updated_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "uq_lead_number",
        "lead",
        ["number"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "sales_order",
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("account_id", columns.BigId, nullable=False),
        sa.Column("contact_id", columns.BigId, nullable=False),
        sa.Column("order_type", sa.Text(), nullable=True),
        sa.Column("order_reference", sa.Text(), nullable=True),
        sa.Column("details", columns.Document, nullable=False),
        sa.Column(
            "door",
            sa.Enum(
                "GRAPHQL",
                "COVALENSE",
                "ZOHO",
                "CRMCOM",
                "VALOMNIA",
                "IMPORT",
                "OPERATOR",
                name="door",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_sales_order_account_id_account")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_sales_order_contact_id_contact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_order")),
        sa.UniqueConstraint("number", name=op.f("uq_sales_order_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sales_order_account_id"), "sales_order", ["account_id"], unique=False)
    op.create_index(op.f("ix_sales_order_contact_id"), "sales_order", ["contact_id"], unique=False)
    op.create_table(
        "change",
        sa.Column(
            "id",
            columns.BigId,
            columns.minted(),
            nullable=False,
        ),
        sa.Column("party_id", columns.BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("CONTACT", "ACCOUNT", "LEAD", name="partykind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "action",
            sa.Enum("CREATED", "UPDATED", "DELETED", name="action", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column(
            "door",
            sa.Enum(
                "GRAPHQL",
                "COVALENSE",
                "ZOHO",
                "CRMCOM",
                "VALOMNIA",
                "IMPORT",
                "OPERATOR",
                name="door",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("credential_id", columns.BigId, nullable=True),
        sa.Column("client_id", columns.BigId, nullable=True),
        sa.Column("fields", columns.Document, nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["legacy_client.id"], name=op.f("fk_change_client_id_legacy_client")),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"], name=op.f("fk_change_credential_id_credential")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_change_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_change_party_id_id", "change", ["party_id", "id"], unique=False)
    op.create_table(
        "proof",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Enum("RESET", "CONFIRM", name="purpose", native_enum=False, length=24), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", columns.FoldedText, nullable=False),
        sa.Column("credential_id", columns.BigId, nullable=True),
        sa.Column("contact_id", columns.BigId, nullable=True),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=False),
        sa.Column("used_at", columns.Moment(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_proof_contact_id_contact")),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"], name=op.f("fk_proof_credential_id_credential")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_proof")),
    )
    op.create_index("ix_proof_email_key_purpose", "proof", ["email_key", "purpose"], unique=False)
    op.create_table(
        "session",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("credential_id", columns.BigId, nullable=False),
        sa.Column(
            "door",
            sa.Enum(
                "GRAPHQL",
                "COVALENSE",
                "ZOHO",
                "CRMCOM",
                "VALOMNIA",
                "IMPORT",
                "OPERATOR",
                name="door",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=False),
        sa.Column("ended_at", columns.Moment(), nullable=True),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"], name=op.f("fk_session_credential_id_credential")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_credential_id"), "session", ["credential_id"], unique=False)
    op.create_index(op.f("ix_session_expires_at"), "session", ["expires_at"], unique=False)
    op.create_table(
        "refresh_token",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("spent_at", columns.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.id"], name=op.f("fk_refresh_token_session_id_session"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_token")),
    )
    op.create_index(op.f("ix_refresh_token_session_id"), "refresh_token", ["session_id"], unique=False)

    if not sqlite:
        op.create_foreign_key(PRIMARY_CONTACT, "account", "contact", ["primary_contact_id"], ["id"])
    if sqlite:
        # What Identity(start=...) says on PostgreSQL.
        for table in (table for table in TABLES if table not in NOT_MINTED):
            op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {columns.FIRST_MINTED_ID - 1})")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(PRIMARY_CONTACT, "account", type_="foreignkey")
    for table in reversed(TABLES):
        op.drop_table(table)
