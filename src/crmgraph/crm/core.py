"""The core as the edges get it: everything that was wired once, in one hand."""

from dataclasses import dataclass, field

from crmgraph.crm.feed.hub import Hub
from crmgraph.crm.identity.identity import Identity
from crmgraph.crm.identity.token_holders import Holders
from crmgraph.crm.job_queue import JobQueue
from crmgraph.crm.records.record_photos import RecordPhotos
from crmgraph.crm.tasks import Tasks
from crmgraph.crm.usage import UsageCounts
from crmgraph.db.database import Database
from crmgraph.db.shares import Shares
from crmgraph.security import Keys, Passwords


@dataclass(frozen=True, slots=True)
class Core:
    """What an edge speaks to.

    Attributes:
        holders: of the tokens of legacy clients.
        keys: sign and mark what nobody else is to make.
        tasks: what goes on after its answer.
        public_url: the address under which clients reach us, without a trailing slash.
        region: ISO 3166-1 alpha-2 of the place whose telephone numbers need no country code; None when unknown.
        max_body_bytes: the longest request that is not an upload.
        max_photo_bytes: the longest uploaded photo.
        max_import_bytes: the longest upload of files that are imported together.
        request_seconds: after how long a request is given up, at every door.
        shares: what one caller may have in hand.
        usage: the calls of the legacy APIs that are not in the store yet.
        feed: tells of changes as they happen.
    """

    db: Database
    passwords: Passwords
    keys: Keys
    identity: Identity
    holders: Holders
    record_photos: RecordPhotos
    jobs: JobQueue
    feed: Hub
    tasks: Tasks
    public_url: str
    region: str | None = None
    max_body_bytes: int = 2 * 1024 * 1024
    max_photo_bytes: int = 10 * 1024 * 1024
    max_import_bytes: int = 256 * 1024 * 1024
    request_seconds: float = 30.0
    shares: Shares = field(default_factory=Shares)
    usage: UsageCounts = field(default_factory=UsageCounts)
