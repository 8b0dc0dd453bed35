"""The core that settings describe. Apart from `app.py`, since commands and the parent of workers need no edges."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from crmgraph.cores import spare_cores
from crmgraph.crm.core import Core
from crmgraph.crm.feed.hub import Hub
from crmgraph.crm.identity.identity import Identity
from crmgraph.crm.identity.outbox import Outbox
from crmgraph.crm.identity.throttle import Limits
from crmgraph.crm.identity.token_holders import Holders
from crmgraph.crm.job_queue import JobQueue, Result
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.record_photos import RecordPhotos
from crmgraph.crm.retention import KEPT_FILES, Retention
from crmgraph.crm.tasks import Tasks
from crmgraph.db.database import Database
from crmgraph.db.shares import Shares
from crmgraph.jobs import POLL, Kind, Runner, kinds
from crmgraph.jobs.apart import run_apart
from crmgraph.mail import open_mail
from crmgraph.photos import KeptFiles, PhotoStore
from crmgraph.security import Keys, Passwords
from crmgraph.settings import Settings

if TYPE_CHECKING:
    from crmgraph.mapping import FieldMap


def retention(settings: Settings) -> Retention:
    """How long these settings keep things."""
    return Retention(
        changes_days=settings.keep_changes_days,
        sessions_days=settings.keep_sessions_days,
        tokens_days=settings.keep_tokens_days,
        attempts_seconds=settings.throttle_window_seconds,
        jobs_days=settings.keep_failed_jobs_days,
        imports_days=settings.keep_imports_days,
        usage_days=settings.keep_usage_days,
        photos_days=settings.keep_orphaned_photos_days,
    )


APART = True
"""Whether jobs that take minutes are done by processes of their own."""
NO_SECRET = (
    "CRMGRAPH_SECRET_KEY is not set: at least 32 characters, e.g. from `openssl rand -base64 48`; "  # noqa: S105 - a message
    "or --demo, for the demo"
)


def build(settings: Settings, *, poll: float = POLL) -> tuple[Core, Runner]:
    """The core that these settings describe, and the runner of its background jobs; to be given to `close`.

    Args:
        poll: seconds between two looks of the runner at what other processes have stored.

    Raises:
        ValueError: no secret is set, or a setting does not hold.
    """
    if settings.secret_key is None:
        raise ValueError(NO_SECRET)
    db = Database(settings.database_url, pool_size=settings.pool_size, statement_seconds=settings.request_seconds)
    passwords = Passwords(
        spare_cores(settings.password_concurrency),
        memory_kib=settings.password_memory_kib,
        passes=settings.password_passes,
        parallelism=1,
    )
    keys = Keys(settings.secret_key, settings.retired_secret_keys)
    queue = JobQueue(db)
    outbox = Outbox(db, queue, keys, open_mail(settings.mail_url, settings.mail_from), settings.public_url)
    photos = RecordPhotos(db, _photo_store(settings.photo_url), queue)
    tasks = Tasks(
        db, queue, KeptFiles(settings.photo_url), keys, settings.public_url, region=settings.phone_region
    )  # fmt: skip
    identity = Identity(
        db,
        passwords,
        keys,
        outbox,
        Limits(
            per_account=settings.throttle_per_account,
            per_address=settings.throttle_per_address,
            window_seconds=settings.throttle_window_seconds,
            strangers=settings.throttle_strangers,
            emails=settings.throttle_emails,
            device_days=settings.device_token_days,
        ),
        signup_confirm=settings.signup_confirm,
        access_seconds=settings.access_token_seconds,
        refresh_days=settings.refresh_token_days,
        refresh_grace=settings.refresh_grace_seconds,
        region=settings.phone_region,
    )
    core = Core(
        db=db,
        passwords=passwords,
        identity=identity,
        holders=Holders(db, settings.phone_region),
        keys=keys,
        jobs=queue,
        feed=Hub(db, poll_seconds=settings.feed_poll_seconds, listen=settings.feed_listen),
        tasks=tasks,
        record_photos=photos,
        public_url=settings.public_url,
        region=settings.phone_region,
        max_body_bytes=settings.max_body_bytes,
        max_photo_bytes=settings.max_photo_bytes,
        max_import_bytes=settings.max_import_bytes,
        request_seconds=settings.request_seconds,
        # Half of all there is, rounded up: the others have as much.
        shares=Shares((settings.pool_size + 1) // 2, (settings.max_concurrency + 1) // 2),
    )
    table = kinds(
        db,
        outbox,
        photos,
        tasks.files,
        retention(settings),
        purge_seconds=60.0 * settings.purge_minutes,
        duplicates_seconds=60.0 * settings.duplicates_minutes,
        further=_lasting(core, settings),
    )
    return core, Runner(db, queue, table, poll=poll)


Handler: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Result]]


def handlers(core: Core) -> Mapping[str, Handler]:
    """What does the jobs that take minutes, by their kind. What they stand on is loaded for the first of them."""

    async def export(payload: Mapping[str, Any]) -> Result:
        from crmgraph.exports.background import Exporter
        from crmgraph.graph import where_of

        return await Exporter(core.tasks, core.record_photos.store, where_of, _tables_of).run(payload)

    async def import_(payload: Mapping[str, Any]) -> Result:
        from crmgraph.imports.background import Importer

        return await Importer(core.tasks, core.record_photos, core.max_photo_bytes).run(payload)

    return {"export": export, "import": import_}


def _lasting(core: Core, settings: Settings) -> tuple[Kind, Kind]:
    """The kinds of job that take minutes."""
    plain = settings.model_dump(mode="json")
    doing: Mapping[str, Handler] = handlers(core)
    if APART:
        doing = {kind: partial(run_apart, plain, kind) for kind in doing}
    export = Kind(
        "export",
        doing["export"],
        seconds=6 * 3600.0,
        first_retry=5.0,
        lasting=True,
        failure="an export was not made",
    )
    import_ = Kind(
        "import",
        doing["import"],
        seconds=24 * 3600.0,
        first_retry=2.0,
        longest_retry=30.0,
        window=KEPT_FILES["imports"],
        lasting=True,
        failure="an import was not carried on",
    )
    return export, import_


def _tables_of(dialect: str) -> Mapping[PartyKind, "FieldMap"]:
    """What a dialect calls the values of each kind of record."""
    tables: Mapping[PartyKind, FieldMap] = import_module(f"crmgraph.dialects.{dialect}").tables()
    return tables


async def close(core: Core, runner: Runner) -> None:
    """Run the jobs that are due, if they were run here at all, and close what `build` has opened."""
    await core.feed.close()
    await runner.close()
    await core.record_photos.store.close()
    await core.db.close()
    core.passwords.close()


def _photo_store(url: str) -> PhotoStore:
    try:
        return PhotoStore(url)
    except ValueError as error:
        raise ValueError(f"CRMGRAPH_PHOTO_URL: {error}") from None
