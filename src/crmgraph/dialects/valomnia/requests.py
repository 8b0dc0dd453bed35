"""One request of a session: who acts, what it brings, and where the links of its answer lead."""

from dataclasses import dataclass

from starlette.requests import Request

from crmgraph.crm.core import Core
from crmgraph.crm.policy import Actor
from crmgraph.dialects.valomnia import parameters
from crmgraph.dialects.valomnia.answers import Links
from crmgraph.dialects.valomnia.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Call:
    """A request to one of the resources below /api/{version}."""

    core: Core
    request: Request
    actor: Actor

    @property
    def links(self) -> Links:
        """Where the links of the answer lead."""
        return Links(self.core.public_url, self.path("version"))

    def path(self, name: str) -> str:
        """A variable of the path."""
        return str(self.request.path_params[name])

    def query(self) -> Parameters:
        """The parameters of a request without a body."""
        return parameters.of_query(self.request)

    async def parameters(self) -> Parameters:
        """The parameters of a request with a body.

        Raises:
            Failed, TooLarge: it cannot be read, see `parameters.of_body`.
        """
        return await parameters.of_body(self.request, self.core.max_body_bytes)
