"""Inputs of imports."""

import strawberry
from strawberry import UNSET

from crmgraph.crm.models import PartyKind
from crmgraph.graph.schema.moving import DateOrder, ImportAccounts, ImportMatch, ImportMode, ImportNameless
from crmgraph.graph.schema.scalars import EmailAddress, Upload


@strawberry.input(description="What a column is read as.")
class ImportColumnInput:
    column: str = strawberry.field(description="Its header.")
    target: str = strawberry.field(description="E.g. `lastName`, `phone MOBILE`, `address BUSINESS street`, `keep`.")


@strawberry.input(description="Who of the staff is meant by what the source calls somebody.")
class ImportUserInput:
    name: str = strawberry.field(description="What the source calls them.")
    email: EmailAddress = strawberry.field(description="The email of the staff member.")


@strawberry.input(description="The answer to a question.")
class ImportAnswerInput:
    option: str = strawberry.field(description="The `option` of the question.")
    answer: str = strawberry.field(description="One of its `answers`, or any word where it has none.")


@strawberry.input(
    description="How files are read and written. What is absent stays as it is, or is found out; what is null is found "
    "out again."
)
class ImportOptionsInput:
    format: str | None = strawberry.field(default=UNSET, description="Of which source they are, e.g. `hubspot`.")
    kind: PartyKind | None = strawberry.field(
        default=UNSET, description="What the rows of a table are that does not say it."
    )
    encoding: str | None = strawberry.field(default=UNSET, description="In which encoding they are, e.g. `cp1250`.")
    delimiter: str | None = strawberry.field(default=UNSET, description="What parts the cells of a table.")
    no_header: bool | None = strawberry.field(default=UNSET, description="Whether a table has none.")
    dates: DateOrder | None = strawberry.field(default=UNSET, description="In which order dates are written.")
    decimal: str | None = strawberry.field(default=UNSET, description="What parts the decimals of numbers: `,` or `.`.")
    timezone: str | None = strawberry.field(
        default=UNSET, description="The time zone of local times, e.g. `Europe/Berlin`."
    )
    region: str | None = strawberry.field(
        default=UNSET, description="The country that telephone numbers are dialled from, e.g. `DE`."
    )
    system: str | None = strawberry.field(default=UNSET, description="What the source is called, beside its ids.")
    id_column: str | None = strawberry.field(
        default=UNSET, description="The column of the ids, of a table that nobody knows."
    )
    owner: EmailAddress | None = strawberry.field(
        default=UNSET, description="Who owns what belongs to nobody who is known; you without it."
    )
    users: list[ImportUserInput] | None = strawberry.field(
        default=UNSET, description="Who of the staff is meant by the users of the source."
    )
    columns: list[ImportColumnInput] | None = strawberry.field(
        default=UNSET, description="What columns are read as, before what is known of them."
    )
    accounts: ImportAccounts | None = strawberry.field(
        default=UNSET, description="What is done with companies that are a text; CREATE without it."
    )
    nameless: ImportNameless | None = strawberry.field(
        default=UNSET, description="What is done with people without a name; ADDRESS without it."
    )
    lenient: bool | None = strawberry.field(
        default=UNSET, description="Whether a quote that is never closed is read as a letter."
    )
    mode: ImportMode | None = strawberry.field(
        default=UNSET, description="What is done with records that are known; UPSERT without it."
    )
    match: list[ImportMatch] | None = strawberry.field(
        default=UNSET, description="What a record is known by besides its id, in this order; EMAIL without it."
    )


@strawberry.input(description="Files that are to be imported together.")
class CreateImportInput:
    files: list[Upload] = strawberry.field(description="The files, 20 at most.")
    options: ImportOptionsInput | None = strawberry.field(default=UNSET, description="How they are read.")


@strawberry.input(description="How an import that was not started yet is to be read.")
class UpdateImportInput:
    import_: strawberry.ID = strawberry.field(name="import", description="Which import.")
    options: ImportOptionsInput | None = strawberry.field(default=UNSET, description="What changes.")
    answers: list[ImportAnswerInput] | None = strawberry.field(default=UNSET, description="Answers to its questions.")
    columns: list[ImportColumnInput] | None = strawberry.field(
        default=UNSET, description="What these columns are read as; the others stay."
    )


@strawberry.input(description="Which import to start.")
class StartImportInput:
    import_: strawberry.ID = strawberry.field(name="import", description="Which import.")
    accept_refused: int | None = strawberry.field(
        default=UNSET, description="How many rows may be refused; a fifth of all without it."
    )


@strawberry.input(description="Which import to cancel.")
class CancelImportInput:
    import_: strawberry.ID = strawberry.field(name="import", description="Which import.")


@strawberry.input(description="Which import to undo.")
class UndoImportInput:
    import_: strawberry.ID = strawberry.field(name="import", description="Which import.")
    dry_run: bool = strawberry.field(default=False, description="Whether it is only told what would become of it.")
