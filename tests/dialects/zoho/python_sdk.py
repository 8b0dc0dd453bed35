"""Zoho's Python SDK, unpatched, over every operation that it offers and we have; prints what it got as JSON.

Usage: python python_sdk.py FOLDER < {"url", "client_id", "client_secret", "refresh_token", "picture"}
"""

import datetime as dt
import json
import sys
from pathlib import Path

from zcrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zcrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zcrmsdk.src.com.zoho.api.logger import Logger
from zcrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zcrmsdk.src.com.zoho.crm.api.fields import FieldsOperations
from zcrmsdk.src.com.zoho.crm.api.header_map import HeaderMap
from zcrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zcrmsdk.src.com.zoho.crm.api.modules import ModulesOperations
from zcrmsdk.src.com.zoho.crm.api.notes import BodyWrapper as NoteBody
from zcrmsdk.src.com.zoho.crm.api.notes import DeleteNotesParam, Note, NotesOperations
from zcrmsdk.src.com.zoho.crm.api.org import OrgOperations
from zcrmsdk.src.com.zoho.crm.api.parameter_map import ParameterMap
from zcrmsdk.src.com.zoho.crm.api.record import (
    BodyWrapper,
    ConvertBodyWrapper,
    DeleteRecordsParam,
    Field,
    FileBodyWrapper,
    GetDeletedRecordsParam,
    GetRecordsHeader,
    GetRecordsParam,
    LeadConverter,
    Record,
    RecordOperations,
    SearchRecordsParam,
)
from zcrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig
from zcrmsdk.src.com.zoho.crm.api.user_signature import UserSignature
from zcrmsdk.src.com.zoho.crm.api.users import GetUsersParam, UsersOperations
from zcrmsdk.src.com.zoho.crm.api.util import Choice, StreamWrapper

given = json.load(sys.stdin)
folder = Path(sys.argv[1])
(folder / "resources").mkdir()
url = given["url"]
Initializer.initialize(
    user=UserSignature("patricia.boyle@crmgraph.example"),
    environment=DataCenter.Environment(url, url + "/oauth/v2/token", url, "crmgraph"),
    token=OAuthToken(
        client_id=given["client_id"], client_secret=given["client_secret"], refresh_token=given["refresh_token"]
    ),
    store=FileStore(str(folder / "tokens.csv")),
    sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False),
    resource_path=str(folder / "resources"),
    logger=Logger.get_instance(Logger.Levels.ERROR, str(folder / "sdk.log")),
)

records, notes = RecordOperations(), NotesOperations()
LEAD, OTHER, AWAITING, LOCKED = 738964000002148061, 738964000002131001, 1306462000000496025, 475243000003269880


def plain(value):
    """A value of the SDK as JSON has it."""
    if isinstance(value, Choice):
        return value.get_value()
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, Record):
        return {key: plain(each) for key, each in value.get_key_values().items()}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if hasattr(value, "__dict__"):
        found = {}
        for key, each in vars(value).items():
            name = key.rpartition("__")[2]
            if each is not None and name != "key_modified":
                found[name] = plain(each)
        return found
    return value


def told(response):
    """[HTTP status, what the SDK made of the answer]."""
    answer = response.get_object()
    if answer is None:
        return [response.get_status_code(), None]
    return [response.get_status_code(), type(answer).__name__, plain(answer)]


def params(known, **values):
    made = ParameterMap()
    for name, value in values.items():
        made.add(getattr(known, name), value)
    return made


def record(own=None, **fields):
    made = Record()
    if own is not None:
        made.set_id(int(own))
    for name, value in fields.items():
        made.add_key_value(name, value)
    return made


def body(*rows, check=None):
    made = BodyWrapper()
    made.set_data(list(rows))
    if check is not None:
        made.set_duplicate_check_fields(check)
    return made


def note(own=None, **values):
    made = Note()
    if own is not None:
        made.set_id(int(own))
    for name, value in values.items():
        getattr(made, f"set_{name}")(value)
    wrapped = NoteBody()
    wrapped.set_data([made])
    return wrapped


done = {}
full = record()
full.add_field_value(Field.Leads.last_name(), "Sdk")
full.add_field_value(Field.Leads.first_name(), "Py")
full.add_field_value(Field.Leads.email(), "py@example.com")
full.add_field_value(Field.Leads.company(), "Sdk Ltd")
full.add_field_value(Field.Leads.annual_revenue(), 1.5)
full.add_field_value(Field.Leads.no_of_employees(), 7)
full.add_field_value(Field.Leads.email_opt_out(), False)
full.add_field_value(Field.Leads.lead_status(), Choice("New"))
full.add_key_value("Custom", "kept")
done["create"] = told(records.create_records("Leads", body(full, record(Last_Name="Bad", Email="nobody"))))
lead = done["create"][2]["data"][0]["details"]["id"]
account = told(records.create_records("Accounts", body(record(Account_Name="Sdk Account", Employees=3))))
done["create_account"] = account
account_id = account[2]["data"][0]["details"]["id"]
owner = record(account_id)
person = record(Last_Name="Person", Date_of_Birth=dt.date(1990, 2, 28), Account_Name=owner, Email="person@example.com")
done["create_contact"] = told(records.create_records("Contacts", body(person)))
contact_id = done["create_contact"][2]["data"][0]["details"]["id"]
for name, module, one in (
    ("lead", "Leads", lead),
    ("account", "Accounts", account_id),
    ("contact", "Contacts", contact_id),
):
    done[f"get_{name}"] = told(records.get_record(int(one), module))
done["get_nothing"] = told(records.get_record(5, "Leads"))
done["list"] = told(
    records.get_records(
        "Leads",
        params(
            GetRecordsParam,
            fields="Last_Name,Email",
            sort_by="Last_Name",
            sort_order="asc",
            per_page=2,
            page=1,
        ),
    )
)
since = HeaderMap()
since.add(GetRecordsHeader.if_modified_since, dt.datetime(2999, 1, 1, tzinfo=dt.UTC))
done["not_modified"] = told(records.get_records("Leads", None, since))
done["update"] = told(records.update_record(int(lead), "Leads", body(record(City="Oslo"))))
done["update_many"] = told(
    records.update_records(
        "Leads",
        body(
            record(lead, State="S"),
            record(OTHER, Mobile="98883434559"),
            record(AWAITING, City="x"),
            record(LOCKED, City="x"),
        ),
    )
)
done["upsert"] = told(
    records.upsert_records(
        "Leads", body(record(Last_Name="Sdk", Email="py@example.com"), record(Last_Name="Up"), check=["Email"])
    )
)
for name, value in (
    ("criteria", "((Email:equals:py@example.com)and(Last_Name:starts_with:Sd))"),
    ("email", "py@example.com"),
    ("phone", "9898989898"),
    ("word", "Sdk"),
):
    made = ParameterMap()
    made.add(getattr(SearchRecordsParam, name), value)
    made.add(SearchRecordsParam.fields, "Last_Name")
    done[f"search_{name}"] = told(records.search_records("Leads", made))
done["search_nothing"] = told(records.search_records("Leads", params(SearchRecordsParam, word="nothing")))
done["search_nonsense"] = told(records.search_records("Leads", params(SearchRecordsParam, criteria="nonsense")))

for module, one in (("Leads", lead), ("Contacts", contact_id), ("Accounts", account_id)):
    photo = FileBodyWrapper()
    photo.set_file(StreamWrapper(file_path=given["picture"]))
    done[f"upload_{module}"] = told(records.upload_photo(int(one), module, photo))
    got = records.get_photo(int(one), module)
    file = got.get_object().get_file()
    done[f"photo_{module}"] = [got.get_status_code(), file.get_name(), len(b"".join(file.get_stream())) > 0]
    done[f"unphoto_{module}"] = told(records.delete_photo(int(one), module))

parent = record(lead)
done["note"] = told(notes.create_notes(note(note_title="T", note_content="C", parent_id=parent, se_module="Leads")))
note_id = int(done["note"][2]["data"][0]["details"]["id"])
done["get_note"] = told(notes.get_note(note_id))
done["notes"] = told(notes.get_notes())
done["update_note"] = told(notes.update_note(note_id, note(note_content="D")))
done["update_notes"] = told(notes.update_notes(note(note_id, note_content="E")))
done["delete_note"] = told(notes.delete_note(note_id))
done["delete_notes"] = told(notes.delete_notes(params(DeleteNotesParam, ids=note_id)))

converter = LeadConverter()
converter.set_overwrite(True)
converter.set_notify_lead_owner(False)
converter.set_accounts(str(account_id))
converting = ConvertBodyWrapper()
converting.set_data([converter])
done["convert"] = told(records.convert_lead(int(lead), converting))
done["convert_again"] = told(records.convert_lead(int(lead), converting))

done["delete"] = told(records.delete_record(OTHER, "Leads"))
done["delete_many"] = told(records.delete_records("Contacts", params(DeleteRecordsParam, ids=contact_id)))
done["deleted"] = told(records.get_deleted_records("Leads", params(GetDeletedRecordsParam, type="all")))
done["modules"] = told(ModulesOperations().get_modules())
done["module"] = told(ModulesOperations().get_module("Leads"))
done["fields"] = told(FieldsOperations("Accounts").get_fields())
done["users"] = told(UsersOperations().get_users(params(GetUsersParam, type="AllUsers")))
done["user"] = told(UsersOperations().get_user(738964000000291009))
done["organisation"] = told(OrgOperations().get_organization())
json.dump(done, sys.stdout, default=str)
