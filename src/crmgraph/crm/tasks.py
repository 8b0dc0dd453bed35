"""Tasks: what somebody asks for and does not wait for. A job of the background does it, by their rights of that time.

What has come of it is a file, which lives for a day and is fetched by an address that is good for minutes: it is made
anew for whoever may see the task each time they look at it.
"""

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from sqlalchemy import ColumnElement, false, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm import idempotency
from crmgraph.crm.errors import NotFound, TooMany, Unavailable
from crmgraph.crm.job_queue import JobQueue
from crmgraph.crm.models import Door, Import, JobState, Role, Staff, Task, now
from crmgraph.crm.policy import Actor, require_staff
from crmgraph.db.database import Database
from crmgraph.photos import KeptFiles, StoreAway
from crmgraph.security import BadToken, Keys

MOST_OPEN = 3
"""Tasks that one of the staff may have waiting and running together."""
RESULT_LIFE = dt.timedelta(days=1)
"""How long a result is kept, from the end of its task."""
LINK_LIFE = dt.timedelta(minutes=15)
"""How long an address of a result is good."""
Owner: TypeAlias = Literal["task", "import"]
"""What a file belongs to."""
_OPEN = (JobState.WAITING, JobState.RUNNING)


def own(actor: Actor) -> ColumnElement[bool]:
    """The condition under which a task exists for the actor: that they have asked for it."""
    return Task.staff_id == actor.staff_id if actor.is_staff and actor.staff_id is not None else false()


@dataclass(frozen=True, slots=True)
class Result:
    """A file that a task has made.

    Attributes:
        name: under which it is saved.
        pieces: its bytes.
    """

    name: str
    content_type: str
    size: int
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks of one store. What reads and writes them opens its own transactions, but for `end`.

    Attributes:
        files: where results lie.
        public_url: the address under which clients reach us.
        region: as of `Actor`.
    """

    db: Database
    queue: JobQueue
    files: KeptFiles
    keys: Keys
    public_url: str
    region: str | None = None

    async def begin(self, actor: Actor, kind: str, given: Mapping[str, Any]) -> Task:
        """Store a task, and let it be done.

        Raises:
            Unauthenticated, Forbidden: the actor is none of the staff.
            TooMany: they have as many in hand as one may have.
        """
        require_staff(actor)

        async def work(session: AsyncSession) -> Task:
            # Of two at once the second counts what the first has stored.
            staff_id = await session.scalar(select(Staff.id).where(Staff.id == actor.staff_id).with_for_update())
            if staff_id is None:
                raise NotFound
            open_ones = select(func.count()).where(Task.staff_id == staff_id, Task.state.in_(_OPEN))
            if (await session.scalar(open_ones) or 0) >= MOST_OPEN:
                raise TooMany((), MOST_OPEN)
            made = Task(kind=kind, staff_id=staff_id, given=dict(given), state=JobState.WAITING)
            await idempotency.claim(session)
            session.add(made)
            await session.flush()
            await self.queue.enqueue(session, kind, {"task": made.id})
            return made

        made = await self.db.transact(work)
        self.queue.wake()
        return made

    async def cancel(self, actor: Actor, task_id: int) -> Task:
        """End a task of the actor's; one that has ended stays as it is.

        Raises:
            NotFound: it is none of theirs.
        """
        async with self.db.begin() as session:
            mine = (Task.id == task_id, own(actor))
            ended = update(Task).where(*mine, Task.state.in_(_OPEN))
            ended = ended.values(state=JobState.CANCELLED, finished_at=now())
            await session.execute(ended.execution_options(synchronize_session=False))
            found = await session.scalar(select(Task).where(*mine))
        if found is None:
            raise NotFound
        return found

    # --- whoever does it

    async def start(self, task_id: int) -> tuple[Task, Actor | None] | None:
        """Begin a task, or begin it again where a worker has died.

        Returns:
            The task and whoever it is done for, None for somebody who may not any more; None where there is nothing to
            do, since it has ended.
        """
        async with self.db.begin() as session:
            begun = update(Task).where(Task.id == task_id, Task.state.in_(_OPEN))
            found = await session.scalar(begun.values(state=JobState.RUNNING, done=0).returning(Task))
            if found is None:
                return None
            staff = await session.get_one(Staff, found.staff_id)
            return found, self._actor_of(staff)

    async def note(self, task_id: int, done: int, total: int | None) -> bool:
        """Store how far a task is; whether it is still to be done."""
        noted = update(Task).where(Task.id == task_id, Task.state == JobState.RUNNING)
        noted = noted.values(done=done, total=total).returning(Task.id)
        async with self.db.begin() as session:
            return await session.scalar(noted) is not None

    async def end(self, session: AsyncSession, task_id: int, state: JobState, **values: Any) -> None:
        """Store how a task went, in the transaction that notes its job; of one that was cancelled nothing is stored."""
        ended = update(Task).where(Task.id == task_id, Task.state.in_(_OPEN))
        ended = ended.values(state=state, finished_at=now(), **values)
        await session.execute(ended.execution_options(synchronize_session=False))

    def _actor_of(self, staff: Staff) -> Actor | None:
        if not staff.active:
            return None
        sees_identity = staff.sees_identity or staff.role is Role.ADMIN
        return Actor(Door.GRAPHQL, staff.role, staff_id=staff.id, sees_identity=sees_identity, region=self.region)

    # --- what has come of it

    def address_of(self, owner: Owner, own_id: int, result: Mapping[str, Any] | None) -> str | None:
        """Where the result of a task, or the refused rows of an import, are fetched, for a while.

        Returns:
            None where there are none, or none any more.
        """
        if result is None or _is_over(result):
            return None
        until = min(int((now() + LINK_LIFE).timestamp()), result["until"])
        token = self.keys.sign_link({owner: own_id, "exp": until})
        return f"{self.public_url}/results/{token}/{quote(result['name'], safe='')}"

    async def result_of(self, token: str) -> Result:
        """The file to which an address leads.

        Raises:
            NotFound: the address is none of ours, or good no more.
            Unavailable: the store does not answer.
        """
        try:
            claims = self.keys.read_link(token)
        except BadToken:
            raise NotFound from None
        query = select(Task.result).where(Task.id == claims.get("task"), Task.state == JobState.DONE)
        if "import" in claims:
            query = select(Import.refused).where(Import.id == claims["import"])
        async with self.db.read() as session:
            result = await session.scalar(query)
        if result is None or _is_over(result):
            raise NotFound
        name = result["object"]
        try:
            size = await self.files.size(name)
        except StoreAway:
            raise Unavailable from None
        if size is None:
            raise NotFound
        return Result(result["name"], result["type"], size, self.files.read(name))


def result_of(
    name: str, content_type: str, size: int, kept_as: str, *, life: dt.timedelta = RESULT_LIFE
) -> dict[str, Any]:
    """What is stored of a file that is made now, see `Task.result`.

    Args:
        life: how long it is kept.
    """
    until = int((now() + life).timestamp())
    return {"object": kept_as, "name": name, "type": content_type, "bytes": size, "until": until}


def _is_over(result: Mapping[str, Any]) -> bool:
    return bool(now().timestamp() >= result["until"])
