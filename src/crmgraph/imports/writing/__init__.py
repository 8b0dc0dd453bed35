"""From the records of a reading to the store: matched, written in batches, resumed, and undone."""
