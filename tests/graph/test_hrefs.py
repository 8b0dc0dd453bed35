"""Where each legacy API serves a record, told beside the id that it has there."""

from tests.conftest import Running
from tests.graph.conftest import employee_of


async def test_an_href_leads_to_the_record_in_that_dialect(demo: Running) -> None:
    staff = await employee_of(demo)

    async def ids(query: str) -> list[tuple[str, str, str | None]]:
        (record,) = (await staff(query)).values()
        return [(e["dialect"], e["value"], e["href"]) for e in record["externalIds"]]

    lead = (
        '{ lead(by: {external: {dialect: ZOHO, value: "738964000002148061"}}) { externalIds { dialect value href } } }'
    )
    assert await ids(lead) == [
        ("ZOHO", "738964000002148061", "http://test/crm/v2/Leads/738964000002148061"),
    ]
    answer = await demo.client.get(
        "/crm/v2/Leads/738964000002148061",
        headers={"authorization": f"Zoho-oauthtoken {demo.credentials['zoho']['access_token']}"},
    )
    assert answer.status_code == 200
    assert answer.json()["data"][0]["id"] == "738964000002148061"
    contact = '{ contact(by: {external: {dialect: VALOMNIA, value: "5"}}) { externalIds { dialect value href } } }'
    assert ("VALOMNIA", "5", "http://test/api/v1.0/contacts/5") in await ids(contact)
    ravi = '{ contact(by: {external: {dialect: COVALENSE, value: "11937"}}) { externalIds { dialect value href } } }'
    assert ("COVALENSE", "11937", None) in await ids(ravi)
