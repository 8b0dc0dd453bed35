"""The dialects that are served: what the application and the commands have to know of each.

Where a dialect answers is known at once; what it consists of is loaded when somebody asks for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from crmgraph.crm.core import Core
from crmgraph.crm.models import Door, PartyKind
from crmgraph.crm.records.lookup import IdCandidates
from crmgraph.settings import Settings
from crmgraph.site.routes import busy

if TYPE_CHECKING:
    from crmgraph.mapping import FieldMap
    from crmgraph.rest import Viewing
    from crmgraph.rest.comparing import Comparing
    from crmgraph.rest.passing import Passing
    from crmgraph.rest.pulling import Pulling
    from crmgraph.rest.telling import Telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """What a dialect consists of.

    Attributes:
        openapi: makes its OpenAPI document.
        mounts: makes its routes, of the core and the settings that bind this dialect alone.
        tables: makes its field maps by kind of record, for the tables of the documentation.
        nowhere: what it answers beside its prefixes.
        viewing: how it shows one record; None where it shows none.
        passing: how callers are known whose calls are passed on to an upstream; None where there can be none.
        pulling: how an upstream is read; None where it cannot be.
        comparing: how answers of an upstream are compared with ours; None where they are not.
        telling: what answers of an upstream that pass by tell of records; None where nobody reads them.
        operations: what its operations are counted as, e.g. `GET /crm/v2/{module}/{id}`.
        busy: what it answers when there is no place for a request, with the status 503.
        href: the path under which it serves a record, of the record's kind and its id there; None where it does not.
        id_candidates: what an id may stand for there, of the kind of record, or None for staff; None where it is no id.
    """

    openapi: Callable[[], dict[str, Any]]
    mounts: Callable[[Core, Settings], list[Route]]
    tables: Callable[[], Mapping[PartyKind, "FieldMap"]]
    nowhere: Callable[[], Response]
    viewing: "Viewing | None" = None
    passing: "Passing | None" = None
    pulling: "Pulling | None" = None
    comparing: "Comparing | None" = None
    telling: "Telling | None" = None
    operations: tuple[str, ...] = ()
    busy: Callable[[], Response] = busy
    href: Callable[[PartyKind | None, str], str | None] = lambda kind, value: None
    id_candidates: Callable[[PartyKind | None, str], IdCandidates | None] = lambda kind, value: None


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A legacy API as the application mounts it.

    Attributes:
        door: its word in the change log, which `name`, as it stands in addresses, is made of.
        title: as people call it, with its version.
        prefixes: the paths below which it answers.
        beside: paths near its prefixes at which only it can be meant: its other versions, what else its vendor serves.
            Where nobody answers, it does, by `nowhere`.
        elsewhere: regular expressions of further paths at which it answers.
        load: imports what it consists of.
    """

    door: Door
    title: str
    prefixes: tuple[str, ...]
    beside: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    load: Callable[[], Implementation]

    @property
    def name(self) -> str:
        """Of the dialect, e.g. zoho."""
        return self.door.dialect

    @cached_property
    def implementation(self) -> Implementation:
        """What it consists of, loaded when it is first asked for."""
        return self.load()


def _covalense() -> Implementation:
    from crmgraph.dialects import covalense

    return Implementation(
        openapi=covalense.openapi,
        mounts=lambda core, settings: covalense.mounts(
            core, forgot_sets_password=settings.covalense_forgot_sets_password
        ),
        tables=covalense.tables,
        viewing=covalense.VIEWING,
        passing=covalense.PASSING,
        comparing=covalense.COMPARING,
        telling=covalense.TELLING,
        operations=covalense.operations,
        busy=covalense.busy,
        nowhere=covalense.nowhere,
        id_candidates=covalense.id_candidates,
    )


def _zoho() -> Implementation:
    from crmgraph.dialects import zoho

    return Implementation(
        openapi=zoho.openapi,
        mounts=lambda core, settings: zoho.mounts(core, unique=zoho.unique_fields(settings.zoho_unique)),
        tables=zoho.tables,
        viewing=zoho.VIEWING,
        passing=zoho.PASSING,
        pulling=zoho.PULLING,
        comparing=zoho.COMPARING,
        telling=zoho.TELLING,
        operations=zoho.operations,
        busy=zoho.busy,
        nowhere=zoho.nowhere,
        href=zoho.href,
        id_candidates=zoho.id_candidates,
    )


def _crmcom() -> Implementation:
    from crmgraph.dialects import crmcom

    return Implementation(
        openapi=crmcom.openapi,
        mounts=lambda core, settings: crmcom.mounts(core),
        tables=crmcom.tables,
        viewing=crmcom.VIEWING,
        passing=crmcom.PASSING,
        comparing=crmcom.COMPARING,
        telling=crmcom.TELLING,
        operations=crmcom.operations,
        busy=crmcom.busy,
        nowhere=crmcom.nowhere,
        href=crmcom.href,
        id_candidates=crmcom.id_candidates,
    )


def _valomnia() -> Implementation:
    from crmgraph.dialects import valomnia

    return Implementation(
        openapi=valomnia.openapi,
        mounts=lambda core, settings: valomnia.mounts(core),
        tables=valomnia.tables,
        viewing=valomnia.VIEWING,
        passing=valomnia.PASSING,
        pulling=valomnia.PULLING,
        telling=valomnia.TELLING,
        comparing=valomnia.COMPARING,
        operations=valomnia.operations,
        busy=valomnia.busy,
        nowhere=valomnia.nowhere,
        href=valomnia.href,
        id_candidates=valomnia.id_candidates,
    )


DIALECTS = (
    Dialect(
        door=Door.COVALENSE,
        title="Covalense",
        prefixes=("/crm/v1",),
        beside=("/crm/v1.{rest:path}",),
        load=_covalense,
    ),
    Dialect(
        door=Door.ZOHO,
        title="Zoho CRM v2",
        prefixes=("/crm/v2", "/oauth/v2"),
        beside=("/crm", "/crm/{rest:path}", "/oauth", "/oauth/{rest:path}"),
        load=_zoho,
    ),
    Dialect(
        door=Door.CRMCOM,
        title="CRM.COM",
        prefixes=("/crmapi/rest/v2", "/crm/ImageDownloadServlet"),
        beside=("/crmapi", "/crmapi/{rest:path}"),
        load=_crmcom,
    ),
    Dialect(
        door=Door.VALOMNIA,
        title="Valomnia",
        prefixes=("/api/{version}", "/j_spring_security_check"),
        beside=("/j_spring_security_{rest:path}", "/login", "/login/{rest:path}", "/logout", "/logout/{rest:path}"),
        # Where a login leads to, and its photos, whose addresses begin with the name of an organisation.
        elsewhere=("/login/ajaxSuccess/?$", "/[^/]+/photo(Contact|Customer)/[^/]+/?$"),
        load=_valomnia,
    ),
)
"""The dialects that are spoken. A further one is a folder, a word in `Door`, and an entry here with what loads it."""
