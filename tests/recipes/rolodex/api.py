"""The operations of the Rolodex, as a table."""

from crmgraph.dialects.rolodex import answers, authorization, errors
from crmgraph.dialects.rolodex.handlers import cards, keys
from crmgraph.dialects.rolodex.requests import Call
from starlette.routing import Route

from crmgraph import rest
from crmgraph.crm.core import Core
from crmgraph.rest import Api, Operation, Wording

OPERATIONS = (
    Operation("POST", "/keys", keys.unlock, "Gives a program a key for its user name and password."),
    Operation("POST", "/cards", cards.add, "Adds a card."),
    Operation("GET", "/cards/{number}", cards.show, "Shows a card."),
    Operation("PUT", "/cards/{number}", cards.change, "Changes a card."),
)
API = Api(
    door="rolodex",
    prefix="/rolodex",
    operations=OPERATIONS,
    call=Call,
    wording=Wording(
        failed=answers.failed,
        refused=errors.worded,
        not_found=lambda call: errors.NO_CARD,
        method_not_allowed=lambda call, allowed: errors.NO_CARD,
        busy=errors.BUSY,
        malformed=errors.ILLEGIBLE,
        away=errors.BUSY,
        unexpected=errors.CANNOT,
    ),
    variables={"number": "[0-9]{1,19}"},
    admit=authorization.admit,
    answer=answers.done,
)


def mounts(core: Core) -> list[Route]:
    """The routes below /rolodex."""
    return rest.mounts(core, API)
