"""Requests of the Rolodex: a JSON object, and the key of a program."""

from dataclasses import dataclass
from typing import Any

from crmgraph.dialects.rolodex.errors import ILLEGIBLE

from crmgraph import rest
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.http import reading
from crmgraph.rest import RequestError

NOBODY = Actor(Door.ROLODEX)


@dataclass
class Call(rest.Call):
    """A request."""

    actor: Actor = NOBODY

    async def body(self) -> dict[str, Any]:
        """What it brings.

        Raises:
            RequestError: it is no JSON object.
        """
        body = reading.json(await reading.body(self.request, self.core.max_body_bytes))
        if not isinstance(body, dict):
            raise RequestError(ILLEGIBLE)
        return body
