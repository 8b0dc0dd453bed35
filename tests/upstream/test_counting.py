"""Who calls what of an old CRM, and which fields calls name, while they are passed on."""

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from crmgraph.crm.models import Door, Upstream
from tests.conftest import serving, settings_for
from tests.program import crmgraph
from tests.upstream.old_crm import OldCrm

MODULE, RECORD = "/crm/v2/{module}", "/crm/v2/{module}/{id}"


async def test_two_clients_are_told_apart_and_nothing_of_their_calls_is_kept(
    tmp_path: Path, sqlite_template: Path, own_old_crm: OldCrm
) -> None:
    old = own_old_crm
    (tmp_path / "var").mkdir()
    file = tmp_path / "var" / "crmgraph.db"
    shutil.copy(sqlite_template, file)
    settings = settings_for(
        f"sqlite:///{file}", tmp_path, upstream_networks=["127.0.0.0/8"], run_jobs=False, log_level="info"
    )
    given = old.credentials
    async with serving(settings) as (client, app), app.state.core.db.begin() as session:
        for door in (Door.ZOHO, Door.CRMCOM):
            session.add(Upstream(dialect=door, base_url=old.url, insecure=True, options={}))
    tokens = []
    began = time.time()
    with capture_logs() as logs:
        async with serving(settings) as (client, app):
            for name in ("zoho", "zoho_other"):
                form = {each: given[name][each] for each in ("client_id", "client_secret", "refresh_token")}
                granted = await client.post("/oauth/v2/token", data=form | {"grant_type": "refresh_token"})
                tokens.append(granted.json()["access_token"])
            first, second = ({"Authorization": f"Zoho-oauthtoken {token}"} for token in tokens)
            lead = (await client.get("/crm/v2/Leads?fields=Email,Last_Name,Nothing&per_page=1", headers=first)).json()
            path = f"/crm/v2/Leads/{lead['data'][0]['id']}"
            email = lead["data"][0]["Email"]
            for _ in range(3):
                assert (await client.get(path, headers=first)).status_code == 200
            written = {"data": [{"City": "Oslo", "Own_Thing": "x", "$approved": True}]}
            assert (await client.put(path, json=written, headers=first)).status_code == 200
            found = await client.get(f"/crm/v2/Leads/search?email={email}", headers=second)
            assert found.status_code == 200
            criteria = "((Last_Name:starts_with:A)and(Owner.id:equals:5))"
            await client.get("/crm/v2/Contacts/search", params={"criteria": criteria}, headers=second)
            assert (await client.get("/crm/v2/users", headers=second)).status_code == 200
            assert (await client.get("/crm/v2/Deals?fields=Stage", headers=second)).status_code == 400
            login = await client.post("/crmapi/rest/v2/authentication/token", json=given["crmcom"])
            tokens.append(login.json()["data"]["token"])
            person = {"type": "PERSON", "first_name": "Ada", "last_name": "King", "demographics": {"gender": "FEMALE"}}
            create = "/crmapi/rest/v2/contact_information/create"
            made = await client.post(create, json=person | {"token": tokens[-1], "what": "ever"})
            assert made.json()["status"]["code"] == "OK", made.text
    calls = await asyncio.to_thread(_told, tmp_path, "usage", "--json")
    assert [(n["dialect"], n["client"], n["operation"], n["calls"], n["refused"]) for n in calls["calls"]] == [
        ("crmcom", "unknown", "POST /crmapi/rest/v2/authentication/token", 1, 0),
        ("crmcom", "oldie@OLDCO", f"POST {create}", 1, 0),
        ("zoho", "1000.OTHERCLIENT", "GET /crm/v2/users", 1, 0),
        ("zoho", "1000.OLDCLIENT", f"GET {MODULE}", 1, 0),
        ("zoho", "1000.OTHERCLIENT", f"GET {MODULE}", 1, 1),
        ("zoho", "1000.OTHERCLIENT", f"GET {MODULE}/search", 2, 0),
        ("zoho", "1000.OLDCLIENT", f"GET {RECORD}", 3, 0),
        ("zoho", "unknown", "POST /oauth/v2/token", 2, 0),
        ("zoho", "1000.OLDCLIENT", f"PUT {RECORD}", 1, 0),
    ]
    assert all(began - 1 <= _seconds(n["last"]) + 1 <= time.time() + 2 for n in calls["calls"])
    fields = await asyncio.to_thread(_told, tmp_path, "usage", "--fields", "--json")
    named = [(n["client"], n["operation"].split("/")[-1], n["kind"], n["field"], n["use"]) for n in fields["fields"]]
    assert sorted(named) == [
        ("1000.OLDCLIENT", "{id}", "lead", "(other fields)", "written"),
        ("1000.OLDCLIENT", "{id}", "lead", "City", "written"),
        ("1000.OLDCLIENT", "{module}", "lead", "(other fields)", "read"),
        ("1000.OLDCLIENT", "{module}", "lead", "Email", "read"),
        ("1000.OLDCLIENT", "{module}", "lead", "Last_Name", "read"),
        ("1000.OTHERCLIENT", "search", "contact", "Last_Name", "sought"),
        ("1000.OTHERCLIENT", "search", "contact", "Owner", "sought"),
        ("oldie@OLDCO", "create", "contact", "(other fields)", "written"),
        ("oldie@OLDCO", "create", "contact", "demographics.gender", "written"),
        ("oldie@OLDCO", "create", "contact", "first_name", "written"),
        ("oldie@OLDCO", "create", "contact", "last_name", "written"),
        ("oldie@OLDCO", "create", "contact", "type", "written"),
    ]
    given_away = (*tokens, given["zoho"]["client_secret"], given["zoho"]["refresh_token"], email, "pass-of-crmcom")
    assert _holding(tmp_path, given_away) == []
    told_to_log = repr(logs)
    assert "/crm/v2/Leads" in told_to_log
    assert [hidden for hidden in given_away if hidden in told_to_log] == []


def _seconds(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone


def _told(folder: Path, *command: str) -> dict[str, Any]:
    told = crmgraph(folder, *command, CRMGRAPH_SECRET_KEY="the secret of the tests, which is long enough")
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def _holding(folder: Path, hidden: tuple[str, ...]) -> list[tuple[Path, str]]:
    """Which files have what is in none."""
    kept = [(path, path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
    return [(path, each) for path, content in kept for each in hidden if each.encode() in content]
