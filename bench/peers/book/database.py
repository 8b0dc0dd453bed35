"""The engine and its pool, and sessions: a session for each task, as SQLAlchemy's asyncio documentation demands."""

import os

from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

_url = make_url(os.environ["BENCH_DATABASE"])
_driver = "sqlite+aiosqlite" if _url.get_backend_name() == "sqlite" else "postgresql+asyncpg"
engine = create_async_engine(_url.set(drivername=_driver), pool_size=int(os.environ["BENCH_POOL"]), max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)
