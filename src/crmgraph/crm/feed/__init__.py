"""The change feed: the log of changes in an order that nobody who reads on from a place can miss a part of."""
