"""One store of contacts, accounts and leads, spoken to in five ways."""

__version__ = "0.1.0"
