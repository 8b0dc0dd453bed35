"""zohocrm-api over all that it can do at all; prints what it got as JSON.

It sends forms where Zoho takes JSON, so that it can write nothing, and asks for the first page for ever where there is
a second: it reads, and revokes its refresh token.

Usage: python zohocrm_api.py < {"url", "client_id", "client_secret", "refresh_token"}
"""

import json
import sys

from pointed import given
from zohocrm.api import ZOHOClient

told = given()
zoho = ZOHOClient("expired", told["refresh_token"], told["client_id"], told["client_secret"])
done = {"leads": [one["Last_Name"] for one in zoho.leads.list()["data"]]}
lead = zoho.leads.list()["data"][0]
done["lead"] = zoho.leads.get(object_id=lead["id"]) == {"data": [lead]}
done["contacts"] = len(zoho.contacts.list()["data"])
done["accounts"] = len(zoho.accounts.list()["data"])
done["users"] = [one["full_name"] for one in zoho.users.list()["users"]]
done["org"] = zoho.org.list()["org"][0]["company_name"]
done["modules"] = zoho.deals.list()["code"]
done["revoked"] = zoho.remove_refresh_token()
try:
    zoho.update_access_token()
except KeyError:
    done["refreshed"] = False
json.dump(done, sys.stdout)
