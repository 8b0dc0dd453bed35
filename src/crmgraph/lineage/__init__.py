"""The lineage of fields: what each value of the store is called in all five vocabularies, read from their tables.

Nothing is written down here that a dialect's `fields.py` or a type of the graph says already.
"""

from crmgraph.lineage.words import DOORS, Place, Word, kept_alone, places, tables

__all__ = ["DOORS", "Place", "Word", "kept_alone", "places", "tables"]
