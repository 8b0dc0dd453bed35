"""Every operation of the API, as one table: the door finds them by it, and the manual is written from it."""

from crmgraph.dialects.zoho.authorization import Operation
from crmgraph.dialects.zoho.handlers import (
    converting,
    metadata,
    notes,
    organisation,
    photos,
    records,
    upserting,
    writing,
)

_PAGED = ("page", "per_page")
_SORTED = ("fields", "sort_by", "sort_order", *_PAGED)
_ELSEWHERE = ("cvid", "uid", "territory_id", "include_child", "startDateTime", "endDateTime")
"""Parameters of Zoho's lists that ask for what there is none of here: custom views, territories ..."""
_LIST = ("fields", "sort_by", "sort_order", "converted", "approved", *_PAGED)

OPERATIONS = (
    Operation("GET", "/settings/modules", metadata.modules, "The modules", ("READ",), "settings", "modules"),
    Operation("GET", "/settings/modules/{name}", metadata.module, "One module", ("READ",), "settings", "modules"),
    Operation(
        "GET", "/settings/fields", metadata.fields, "The fields of a module", ("READ",), "settings", "fields",
        ("module",),
    ),
    Operation(
        "GET", "/settings/fields/{field_id}", metadata.fields, "One field of a module", ("READ",), "settings",
        "fields", ("module",),
    ),
    Operation("GET", "/users", organisation.users, "The users", ("READ",), "users", "", ("type", *_PAGED)),
    Operation("GET", "/users/{user_id}", organisation.user, "One user", ("READ",), "users", ""),
    Operation("GET", "/org", organisation.organisation, "The organisation", ("READ",), "org", ""),
    Operation("GET", "/Notes", notes.everywhere, "All notes", ("READ",), topic="notes", parameters=("ids", *_PAGED)),
    Operation("POST", "/Notes", notes.add, "New notes on the records that they name", ("CREATE",), topic="notes"),
    Operation("PUT", "/Notes", notes.update_many, "Change notes", ("UPDATE",), topic="notes"),
    Operation("DELETE", "/Notes", notes.delete_many, "Delete notes", ("DELETE",), topic="notes", parameters=("ids",)),
    Operation("GET", "/Notes/{note_id}", notes.get, "One note", ("READ",), topic="notes"),
    Operation("PUT", "/Notes/{note_id}", notes.update_one, "Change one note", ("UPDATE",), topic="notes"),
    Operation("DELETE", "/Notes/{note_id}", notes.delete_one, "Delete one note", ("DELETE",), topic="notes"),
    Operation(
        "GET", "/{module}", records.list_records, "A page of records", ("READ",), parameters=("ids", *_LIST),
        refused=_ELSEWHERE,
    ),
    Operation("POST", "/{module}", writing.create, "New records, 1 to 100", ("CREATE",)),
    Operation("PUT", "/{module}", writing.update_many, "Change records, 1 to 100", ("UPDATE",)),
    Operation("DELETE", "/{module}", writing.delete_many, "Delete records", ("DELETE",), parameters=("ids",)),
    Operation("POST", "/{module}/upsert", upserting.upsert, "Change records, or create them", ("CREATE", "UPDATE")),
    Operation(
        "GET", "/{module}/deleted", records.deleted, "What was deleted", ("READ",), parameters=("type", *_PAGED)
    ),
    Operation(
        "GET", "/{module}/search", records.find, "Search records", ("READ",),
        parameters=("criteria", "email", "phone", "word", *_LIST), refused=_ELSEWHERE,
    ),
    Operation("GET", "/{module}/{id}", records.get, "One record", ("READ",), parameters=("fields",)),
    Operation("PUT", "/{module}/{id}", writing.update_one, "Change one record", ("UPDATE",)),
    Operation("DELETE", "/{module}/{id}", writing.delete_one, "Delete one record", ("DELETE",)),
    Operation("POST", "/{module}/{id}/photo", photos.upload, "Upload a photo", ("CREATE",)),
    Operation("GET", "/{module}/{id}/photo", photos.download, "Download the photo", ("READ",)),
    Operation("DELETE", "/{module}/{id}/photo", photos.delete, "Delete the photo", ("DELETE",)),
    Operation("GET", "/{module}/{id}/Notes", notes.of_record, "The notes on a record", ("READ",), parameters=_PAGED),
    Operation("POST", "/{module}/{id}/Notes", notes.add_to_record, "New notes on a record", ("CREATE",)),
    Operation("GET", "/{module}/{id}/Notes/{note_id}", notes.get, "One note on a record", ("READ",)),
    Operation("PUT", "/{module}/{id}/Notes/{note_id}", notes.update_one, "Change one note on a record", ("UPDATE",)),
    Operation("DELETE", "/{module}/{id}/Notes/{note_id}", notes.delete_one, "Delete a note on a record", ("DELETE",)),
    Operation(
        "GET", "/Accounts/{id}/Contacts", records.contacts_of, "The contacts of an account", ("READ",),
        topic="accounts", parameters=_SORTED, also="contacts",
    ),
    Operation("POST", "/Leads/{id}/actions/convert", converting.convert, "Convert a lead", ("CREATE",), topic="leads"),
)  # fmt: skip
"""Those with a name of their own before those of any module."""
