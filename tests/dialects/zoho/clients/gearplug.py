"""zohocrm-python over all that it offers and we have, from a grant code on; prints what it got as JSON.

Usage: python gearplug.py < {"url", "client_id", "client_secret", "refresh_token", "code"}
"""

import json
import sys

from pointed import given
from zohocrm.client import Client
from zohocrm.exceptions import InvalidDataError, InvalidModuleError

told = given()
zoho = Client(told["client_id"], told["client_secret"], "https://example.com/back", ["ZohoCRM.modules.ALL"], "offline")
zoho.set_access_token(zoho.exchange_code(told["code"]))
zoho.set_access_token(zoho.refresh_token())
done = {"modules": [one["api_name"] for one in zoho.get_module_list()]}
done["fields"] = [one["api_name"] for one in zoho.get_fields_list("leads") if one["system_mandatory"]]
done["leads"] = [one["Last_Name"] for page in zoho.get_records("leads") for one in page]
made = zoho.insert_record("contacts", {"Last_Name": "Plug", "Email_Opt_Out": "True"})
done["made"] = made["data"][0]["message"]
(contact,) = zoho.get_specific_record("contacts", made["data"][0]["details"]["id"])
done["contact"] = [contact["Last_Name"], contact["Email_Opt_Out"]]
done["nobody"] = zoho.get_specific_record("contacts", "5")
done["users"] = [one["full_name"] for one in zoho.get_all_active_users()]
for name, module, row, kind in (
    ("no_row", "contacts", {"First_Name": "x"}, InvalidDataError),
    ("no_module", "deals", {"Deal_Name": "x"}, InvalidModuleError),
):
    try:
        zoho.insert_record(module, row)
    except kind:
        done[name] = kind.__name__
json.dump(done, sys.stdout)
