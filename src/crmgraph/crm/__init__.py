"""The business: contacts, accounts and leads, in nobody's dialect."""
