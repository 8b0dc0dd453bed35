"""The search index: the words by which records are found, one row for each place in which a record has one, and the
parts of those words."""

from enum import IntEnum

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, BigId, FoldedText
from crmgraph.crm.models.records import Account, Contact, Lead, PartyKind


class SearchField(IntEnum):
    """Where a word stands, the place that tells most first: the number is also what a hit there weighs."""

    NUMBER = 0
    LAST_NAME = 1
    NAME = 2
    FIRST_NAME = 3
    MIDDLE_NAME = 4
    NICKNAME = 5
    COMPANY = 6
    EMAIL = 7
    PHONE = 8
    CITY = 9
    ACCOUNT = 10
    """Of a contact: the name of its account, which is not stored with it."""


class TermKind(IntEnum):
    """Among which records a word is looked for."""

    NONE = 0
    """Of a record that is deleted, or is hidden until a signup is confirmed."""
    CONTACT = 1
    ACCOUNT = 2
    LEAD = 3


SEARCHED_AS: dict[type, TermKind] = {
    Contact: TermKind.CONTACT,
    Account: TermKind.ACCOUNT,
    Lead: TermKind.LEAD,
}
"""{model: what the words of its live records are found as}."""
TERM_KINDS = {kind: TermKind[kind.name] for kind in PartyKind}


class SearchTerm(Base):
    """A word of a record, derived from one row: the record's own, or one of its phones, emails and addresses.

    `crm/search/terms.py` says which words a row has. There are no foreign keys, which would be checked for each word
    of a record that the same statement writes. Which words there are does not depend on whether the record is
    deleted, only `kind` does: it leads past what nobody may find, and whoever searches asks the record nevertheless.
    """

    __tablename__ = "search_term"
    __table_args__ = (
        # Of one kind in the order in which hits are ranked: whole words before longer ones, names before cities.
        Index("ix_search_term_kind_term_field_party_id", "kind", "term", "field", "party_id"),
        {"sqlite_with_rowid": False},
    )

    party_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    term: Mapped[str] = mapped_column(FoldedText, primary_key=True)
    field: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    source_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    """The row that it comes from: the id of the phone, email or address, else of the record."""
    kind: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """A `TermKind`. The default is what a server of a version before writes: `crmgraph reindex` mends it."""


PARTED = (
    SearchField.LAST_NAME,
    SearchField.NAME,
    SearchField.FIRST_NAME,
    SearchField.MIDDLE_NAME,
    SearchField.COMPANY,
    SearchField.EMAIL,
    SearchField.CITY,
)
"""The places whose words are found by any part of them."""
COMPLETE = -1
"""The field of the row which says that all words have their parts: the index finds nothing by them before."""


class SearchPart(Base):
    """The end of a word from one of its letters on: what a word contains, one of its parts begins with.

    A word is here once for each kind of place, however many records have it, so that records of names which others
    have too write nothing here. It has no key: of two transactions that bring a new word neither waits for the other,
    and both may leave it.
    """

    __tablename__ = "search_part"
    __table_args__ = (Index("ix_search_part_field_part_word", "field", "part", "word"),)
    __mapper_args__ = {"primary_key": ["field", "part", "word"]}

    field: Mapped[int] = mapped_column(SmallInteger)
    part: Mapped[str] = mapped_column(FoldedText)
    word: Mapped[str] = mapped_column(FoldedText)
    """The term that the part is of, or the run that it begins with, see `crm/values/search_terms.py`."""
