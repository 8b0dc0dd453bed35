"""The Rolodex: a dialect that nobody speaks, to show what a fifth one takes. Cards of persons, in words of its own."""

from tests.rolodex.api import mounts, openapi

__all__ = ["mounts", "openapi"]
