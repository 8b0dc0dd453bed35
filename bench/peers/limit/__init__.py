"""The bare limit: one hand-written statement a request that PostgreSQL answers as JSON, on an ASGI server."""
