"""What a legacy client may be granted, in its dialect's own words, and which word was meant."""

import re
from difflib import get_close_matches

from crmgraph.crm.models import Door

_ACTIONS = ("ALL", "READ", "CREATE", "UPDATE", "DELETE", "WRITE")


def fault_of(dialect: Door, grants: list[str]) -> str | None:
    """Why one of the grants cannot be given, with the nearest that can; None when all can."""
    known = _known(dialect)
    for grant in grants:
        if grant not in known:
            near = get_close_matches(grant, known, 1, 0.5) or get_close_matches(
                grant.lower(), {each.lower(): each for each in known}, 1, 0.5
            )
            meant = next((each for each in known if near and each.lower() == near[0].lower()), None)
            if not known:
                return f"--grant {grant}: {dialect.value.lower()} knows no grants"
            return f"--grant {grant}: there is no such grant" + (f"; is {meant} meant?" if meant else "")
    return None


def _known(dialect: Door) -> list[str]:
    # The edges, which no other command of clients needs.
    match dialect:
        case Door.ZOHO:
            from crmgraph.dialects.zoho.api import OPERATIONS
            from crmgraph.dialects.zoho.fields import MODULES

            places = {each.area for each in OPERATIONS}
            places |= {f"{each.area}.{each.topic}" for each in OPERATIONS if each.topic}
            places |= {f"modules.{name.lower()}" for name in MODULES}
            return sorted(f"ZohoCRM.{place}.{action}" for place in places for action in _ACTIONS)
        case Door.CRMCOM:
            from crmgraph.dialects.crmcom import api

            methods = {each.grant for each in api.OPERATIONS}
            return sorted(methods | {re.split("/", each)[0] for each in methods})
    return []
