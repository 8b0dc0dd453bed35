"""A request to Valomnia: its operation, who acts, what it brings, and where the links of its answer lead."""

from dataclasses import dataclass, field

from crmgraph import rest
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.dialects.valomnia import parameters
from crmgraph.dialects.valomnia.links import Links
from crmgraph.dialects.valomnia.parameters import Parameters
from crmgraph.rest import Operation

NOBODY = Actor(Door.VALOMNIA)


@dataclass(frozen=True, slots=True)
class Service(Operation):
    """One operation.

    Attributes:
        in_session: whether it asks for a session.
        status: of HTTP, where it is carried out.
    """

    in_session: bool = True
    status: int = 200


@dataclass
class Call(rest.Call):
    """A request.

    Attributes:
        actor: whoever holds the session; nobody where the operation asks for none.
        headers: of the answer, where it is carried out.
    """

    operation: Service = field(init=False)
    actor: Actor = NOBODY
    headers: dict[str, str] = field(init=False, default_factory=dict)

    @property
    def links(self) -> Links:
        """Where the links of the answer lead."""
        return Links(self.core.public_url, self.params["version"])

    def query(self) -> Parameters:
        """The parameters of a request without a body."""
        return parameters.of_query(self.request)

    async def parameters(self) -> Parameters:
        """The parameters of a request with a body.

        Raises:
            RequestError, TooLarge: it cannot be read, see `parameters.of_body`.
        """
        return await parameters.of_body(self.request, self.core.max_body_bytes)
