"""The enums of moving in and out: imports, exports and jobs."""

from enum import StrEnum

from crmgraph.crm import models
from crmgraph.graph.schema.described import describe


class DateOrder(StrEnum):
    """The value is that of `crmgraph.imports.records.Options`."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"


class ImportAccounts(StrEnum):
    """The value is that of `crmgraph.imports.records.Options`."""

    CREATE = "create"
    LINK = "link"
    IGNORE = "ignore"


class ImportNameless(StrEnum):
    """The value is that of `crmgraph.imports.records.Options`."""

    ADDRESS = "address"
    REFUSE = "refuse"


class ImportMode(StrEnum):
    """The value is that of `crmgraph.imports.writing.batches.How`."""

    UPSERT = "upsert"
    CREATE = "create"
    UPDATE = "update"


class ImportMatch(StrEnum):
    """The value is that of `MatchBy`."""

    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"


class ExportFormat(StrEnum):
    """In which form records are written; the value is that of `crmgraph.exports.writing`."""

    JSONL = "jsonl"
    CSV = "csv"
    XLSX = "xlsx"
    VCARD3 = "vcf3"
    VCARD4 = "vcf4"
    JSCONTACT = "jscontact"
    ZIP = "zip"


describe(
    DateOrder,
    "In which order a date is written.",
    DMY="The day first, e.g. 31.12.2026.",
    MDY="The month first, e.g. 12/31/2026.",
    YMD="The year first, e.g. 2026-12-31.",
)
describe(
    ImportAccounts,
    "What is done with companies that are a text.",
    CREATE="Each becomes an account, unless there is one of its name.",
    LINK="Accounts that are there are linked, and none is made.",
    IGNORE="The text is kept beside the record.",
)
describe(
    ImportNameless,
    "What is done with people without a name.",
    ADDRESS="They are called by their email address, or by their number.",
    REFUSE="Their rows are refused.",
)
describe(
    ImportMode,
    "What is done with records that are known, and with those that are not.",
    UPSERT="Those that are known are changed, the others are made.",
    CREATE="Those that are known stay as they are, the others are made.",
    UPDATE="Those that are known are changed, and none is made.",
)
describe(
    ImportMatch,
    "What a record is known by, besides its id at the source.",
    EMAIL="An email address together with the name.",
    PHONE="A telephone number together with the name.",
    NAME="The name, where nobody else has it.",
)
describe(
    models.ImportState,
    "How far an import is.",
    ANALYSING="Its files are read, and no record is written.",
    ASKING="`questions` have to be answered: `updateImport`.",
    READY="It can be started: `startImport`.",
    RUNNING="It is being written, or waits for another one to end.",
    CANCELLED="It was cancelled: what is in stays, and can be undone; `startImport` goes on with it.",
    DONE="It is in.",
    FAILED="It was given up: `fault` says why; `startImport` goes on with it where it had been started.",
    UNDOING="It is being undone, or some records could not be: `undoImport` tries them again.",
    UNDONE="It is undone.",
)
describe(
    models.Outcome,
    "What becomes of a row.",
    CREATED="It makes a record.",
    UPDATED="It changes a record.",
    UNCHANGED="It says nothing new of a record.",
    MERGED="It says again who another row is, which it went into.",
    SKIPPED="It is meant to give no record: empty, deleted at the source, of a kind without a home here.",
    REFUSED="No record can be made of it.",
)
describe(
    models.JobState,
    "How far a job is.",
    WAITING="Nobody has begun it yet.",
    RUNNING="It is being done.",
    DONE="It is done.",
    FAILED="It was given up: `faults` say why.",
    CANCELLED="Whoever has asked for it has cancelled it.",
)
describe(
    ExportFormat,
    "In which form records are written.",
    JSONL="Lines of JSON, one a record, with all that belongs to it.",
    CSV="A table, of which each record is a row.",
    XLSX="The same as a workbook of Excel, whose cells are all texts.",
    VCARD3="Cards of vCard 3.0.",
    VCARD4="Cards of vCard 4.0.",
    JSCONTACT="A JSON array of JSContact cards.",
    ZIP="An archive that an import makes the same records of.",
)
