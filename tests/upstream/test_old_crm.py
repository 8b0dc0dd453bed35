"""What plays the old CRM, and the port before it, do as they say."""

import email.utils
import time

import httpx
import pytest

from crmgraph.crm.records.external_ids import may_be_minted
from tests.upstream.faults import Delay, FaultPort, HalfBody, Reply, Reset
from tests.upstream.old_crm import NUMBERED, OldCrm, Size

SIZE = Size()
SHOWN = {"converted": "both", "approved": "both", "per_page": 200}


def test_its_ids_are_home_ids_at_every_door(own_old_crm: OldCrm) -> None:
    given = own_old_crm.credentials
    with own_old_crm.client(headers=own_old_crm.zoho) as client:
        leads = client.get("/crm/v2/Leads", params=SHOWN).json()["data"]
        assert len(leads) == SIZE.leads - SIZE.deleted
        for lead in leads:
            assert len(lead["id"]) == 19 and not may_be_minted("zoho", "record", lead["id"])
        assert sum(lead["$converted"] for lead in leads) == SIZE.converted
        assert sum(not lead["$approved"] for lead in leads) == SIZE.awaiting
        contact = client.get("/crm/v2/Contacts").json()["data"][0]
        one = client.get(f"/crm/v2/Contacts/{contact['id']}").json()["data"][0]
        assert one == contact and len(one["Account_Name"]["id"]) == 19
        assert len(client.get("/crm/v2/Contacts/deleted").json()["data"]) == SIZE.deleted
        assert len(client.get("/crm/v2/Notes").json()["data"]) == 3 * SIZE.notes
        made = client.post("/crm/v2/Leads", json={"data": [{"Last_Name": "New", "Company": "X"}]}).json()["data"][0]
        assert len(made["details"]["id"]) == 19
        assert client.delete(f"/crm/v2/Leads/{made['details']['id']}").status_code == 200
        users = client.get("/crm/v2/users?type=AllUsers").json()["users"]
        assert [(each["full_name"], each["status"]) for each in users] == [
            ("Ada Admin", "active"),
            ("Olga Owner", "active"),
            ("Peter Partner", "active"),
            ("Quinn Quit", "disabled"),
        ]
    with own_old_crm.client() as client:
        token = client.post("/crmapi/rest/v2/authentication/token", json=given["crmcom"]).json()["data"]["token"]
        named = f"number=CON{NUMBERED + 1}"
        query = {"token": token, "contact_information_identifier": named}
        shown = client.get("/crmapi/rest/v2/contact_information/show", params=query).json()["data"]
        assert not may_be_minted("crmcom", "record", shown["id"])
    with own_old_crm.client() as client:
        login = {"j_username": given["valomnia"]["username"], "j_password": given["valomnia"]["password"]}
        entered = client.post("/j_spring_security_check", data=login)
        cookie = {"Cookie": f"JSESSIONID={entered.cookies['JSESSIONID']}"}  # it is for https alone
        listed = client.get("/api/v1.0/contacts", headers=cookie).text
        assert listed.count("41508680") >= SIZE.contacts - SIZE.deleted


def test_each_fault_is_what_it_is_called(faults: FaultPort, old_crm: OldCrm) -> None:
    get = "GET /crm/v2/users"
    faults.do(Reply(429, {"Retry-After": "1"}, b"{}"), nth={1}, where=get)
    faults.do(Reset(), nth={1}, where=get)
    faults.do(Reset(sent=True), nth={1}, where=get)
    faults.do(HalfBody(), nth={1}, where=get)
    faults.do(Delay(0.3), nth={1}, where=get)
    faults.do(Reply(204), nth={1}, where=get)
    with httpx.Client(base_url=faults.url, headers=old_crm.zoho) as client:
        busy = client.get("/crm/v2/users")
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "1")
        for error in (httpx.ReadError, httpx.ReadError, httpx.RemoteProtocolError):
            with pytest.raises(error):
                client.get("/crm/v2/users")
        start = time.monotonic()
        assert client.get("/crm/v2/users").json()["users"]
        assert time.monotonic() - start > 0.3
        assert client.get("/crm/v2/users").status_code == 204
        faults.skew = 300
        ahead = email.utils.parsedate_to_datetime(client.get("/crm/v2/users").headers["date"]).timestamp()
        assert 295 < ahead - time.time() < 305
    assert [(each.status, each.whole) for each in faults.log] == [
        (status, True) for status in (429, 0, 0, 200, 200, 204, 200)
    ]
    assert faults.calls("GET /crm/v2/users") == [get] * 7
