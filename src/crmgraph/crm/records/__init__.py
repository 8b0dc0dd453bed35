"""Records: contacts, accounts and leads, what belongs to them, and every change of them."""
