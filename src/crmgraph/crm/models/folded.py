"""Which column is the search key of which."""

from typing import Any

from crmgraph.crm.models.contact_points import Address
from crmgraph.crm.models.records import Account, Contact, Lead

FOLDED: dict[Any, Any] = {
    Contact.first_name: Contact.first_name_key,
    Contact.last_name: Contact.last_name_key,
    Contact.job_title: Contact.job_title_key,
    Contact.category: Contact.category_key,
    Contact.life_cycle_state: Contact.life_cycle_state_key,
    Account.name: Account.name_key,
    Account.account_type: Account.account_type_key,
    Account.industry: Account.industry_key,
    Account.rating: Account.rating_key,
    Account.segment: Account.segment_key,
    Account.status: Account.status_key,
    Lead.first_name: Lead.first_name_key,
    Lead.last_name: Lead.last_name_key,
    Lead.company: Lead.company_key,
    Lead.job_title: Lead.job_title_key,
    Lead.status: Lead.status_key,
    Lead.source: Lead.source_key,
    Lead.rating: Lead.rating_key,
    Address.city: Address.city_key,
    Address.state: Address.state_key,
    Address.postal_code: Address.postal_code_key,
}
"""{column: the column of its search key}, of all that people search by. What writes the one brings up the other:
`keys.derive` of records, `contact_points.derive` of addresses."""
