"""Emails on their way: each is a job, stored in the transaction that causes it, and handed over until the mail server
takes it.

A worker that dies between the server's answer and the end of the job lets the email come twice: the bargain of every
mail queue.
"""

import datetime as dt
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph import metrics
from crmgraph.crm.errors import MailNotConfigured
from crmgraph.crm.identity import emails, verification_codes
from crmgraph.crm.identity.emails import EmailTemplate
from crmgraph.crm.job_queue import Done, GiveUp, JobQueue, Result, Retry
from crmgraph.db.database import Database
from crmgraph.mail import Mail, MailAway, MailRefused, NoMail, Unmailable
from crmgraph.security import Keys

EMAIL = "email"
"""The kind of these jobs."""
WINDOW = dt.timedelta(days=1)
"""For how long an email is tried. Greylisting passes within minutes, a weekend of a mail server does not."""


class Outbox:
    """The emails of one store.

    Args:
        keys: make the codes that emails bring.
        mail: takes them.
        public_url: where people find the service; it is named in emails.
    """

    def __init__(self, db: Database, queue: JobQueue, keys: Keys, mail: Mail, public_url: str) -> None:
        self._db = db
        self._queue = queue
        self._keys = keys
        self._mail = mail
        self._public_url = public_url

    @property
    def sends(self) -> bool:
        """Whether there is a mail server or a folder to send by."""
        return not isinstance(self._mail, NoMail)

    def require(self) -> None:
        """See that emails can be sent.

        Raises:
            MailNotConfigured: they cannot.
        """
        if not self.sends:
            raise MailNotConfigured

    async def put(self, session: AsyncSession, template: EmailTemplate, to: str | None) -> str:
        """Store an email in the transaction that causes it; call `wake` once that is committed.

        Neither its text nor its code is stored: the code is made of a random seed by a key that the job names.

        Args:
            to: one bare address. None is nobody, at the same cost.

        Returns:
            The code that it will bring.
        """
        seed, key_id = secrets.token_urlsafe(32), self._keys.mailed_key
        code = self._keys.mailed_code(key_id, seed)
        assert code is not None  # noqa: S101 - the key of today is there
        payload = {"template": template.value, "to": to, "seed": seed, "key_id": key_id}
        await self._queue.enqueue(session, EMAIL, payload)
        return code

    def wake(self) -> None:
        """Let what has been stored be delivered now."""
        self._queue.wake()

    async def deliver(self, payload: Mapping[str, Any]) -> Result:
        """Hand over one email, as `put` stored it, and let the lifetime of its code begin."""
        to, code = payload["to"], self._keys.mailed_code(payload["key_id"], payload["seed"])
        if to is None:
            return Done()
        if code is None:
            return GiveUp("its key is gone")
        async with self._db.read() as session:
            if not await verification_codes.is_wanted(session, code):
                return Done()
        subject, text = emails.written(EmailTemplate(payload["template"]), self._public_url, code)
        try:
            await self._mail.send(to, subject, text)
        except Unmailable:
            return GiveUp("Unmailable")
        except MailRefused as refused:
            return GiveUp(refused.reason)
        except MailAway as away:
            return Retry(away.reason)
        metrics.email_sent()
        return Done(lambda session: verification_codes.sent(session, code))
