"""Starting the contenders: one after the other, each timed, and let in where it asks who one is."""

import json
import time
from collections.abc import Callable

from bench.contenders import Contender, Running, compile_modules, graphql, start
from bench.load import Failed
from bench.store import PASSWORD, STAFF_EMAIL, Store

LOGIN = """mutation Login($email: EmailAddress!, $password: String!) {
  login(input: {email: $email, password: $password}) { accessToken userErrors { code message path } } }"""


async def log_in(running: Running) -> None:
    """Give a contender that asks who one is a token to send."""
    if running.contender.own_ids:
        variables = {"email": STAFF_EMAIL, "password": PASSWORD}
        status, body = await running.ask(graphql(LOGIN, "Login", variables, None))
        token = ((json.loads(body).get("data") or {}).get("login") or {}).get("accessToken")
        if not token:
            raise Failed(f"{running.name} lets nobody in: {status} {body[:500].decode(errors='replace')}")
        running.token = token


async def start_all(contenders: list[Contender], store: Store, tell: Callable[[str], None]) -> list[Running]:
    """Start the contenders one after the other, each timed while no other starts.

    Raises:
        Failed: one does not start; those that had started are ended.
    """
    compile_modules()
    runnings: list[Running] = []
    try:
        for contender in contenders:
            running = await start(contender, store.environment)
            runnings.append(running)
            await log_in(running)
            began = time.perf_counter()
            await running.data("Q2", {"after": None})
            running.cold_seconds = time.perf_counter() - began
            tell(
                f"{running.name} started in {running.start_seconds:.2f} s, has {running.memory_at_rest / 1e6:.0f} MB "
                f"at rest, answers its first page in {1e3 * running.cold_seconds:.0f} ms"
            )
    except BaseException:
        stop_all(runnings)
        raise
    return runnings


def stop_all(runnings: list[Running]) -> None:
    """End the contenders."""
    for running in runnings:
        running.stop()
