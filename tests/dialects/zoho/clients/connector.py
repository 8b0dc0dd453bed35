"""zoho-crm-connector over all that it offers and we have; prints what it got as JSON.

Usage: python connector.py FOLDER < {"url", "client_id", "client_secret", "refresh_token"}
"""

import datetime as dt
import json
import sys
from pathlib import Path

from pointed import given
from zoho_crm_connector import Zoho_crm

told = given()
zoho = Zoho_crm(
    told["refresh_token"],
    told["client_id"],
    told["client_secret"],
    Path(sys.argv[1]),
    default_zoho_user_name="Nobody",
    default_zoho_user_id="0",
)
done = {"user": zoho.finduser_by_name("Patricia Boyle"), "nobody": zoho.finduser_by_name("Somebody Else")}
done["fields"] = zoho.get_module_field_api_names("Accounts")
done["leads"] = [one["Last_Name"] for page in zoho.yield_page_from_module("Leads", parameters={}) for one in page]
ok, account = zoho.upsert_zoho_module("Accounts", {"data": [{"Account_Name": "Connected (Ltd)"}]})
done["account"] = [ok, account["Account_Name"]]
criteria = r"(Account_Name:equals:Connected \(Ltd\))"
ok, again = zoho.upsert_zoho_module("Accounts", {"data": [{"Account_Name": "Connected (Ltd)"}]}, criteria)
done["account_again"] = [ok, again["id"] == account["id"]]
person = {"Last_Name": "Connected", "Account_Name": {"id": account["id"]}}
ok, contact = zoho.upsert_zoho_module("Contacts", {"data": [person]})
done["contact"] = [ok, contact["Account_Name"]["name"]]
done["no_contact"] = zoho.upsert_zoho_module("Contacts", {"data": [{"First_Name": "x"}]})
done["related"] = [one["id"] for one in zoho.get_related_records("Accounts", "Contacts", account["id"])[1]]
done["changed"] = zoho.update_zoho_module("Contacts", {"data": [{"id": contact["id"], "City": "Oslo"}]})[0]
done["record"] = zoho.get_record_by_id("Contacts", contact["id"])["Last_Name"]
done["deleted"] = zoho.delete_from_module("Contacts", contact["id"])[1]["data"][0]["message"]
since = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
gone = list(zoho.yield_deleted_records_from_module("Contacts", modified_since=since))
done["gone"] = [one["id"] == contact["id"] for page in gone for one in page]
later = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)
done["nothing_new"] = list(zoho.yield_page_from_module("Leads", modified_since=later))
try:
    zoho.get_records_through_coql_query("select Last_Name from Leads")
except RuntimeError as refused:
    done["coql"] = "INVALID_URL_PATTERN" in str(refused)
json.dump(done, sys.stdout)
