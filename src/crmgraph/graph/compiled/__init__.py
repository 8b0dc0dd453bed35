"""The fast road: a document whose fields are plain is compiled once, and answered by one statement from then on.

The schema is Strawberry's and stays the truth: its declarations say which column or relation a field reads, and its
resolvers and loaders answer whatever is not planned. `selection` turns a document into a tree of declared fields, or
says why it cannot; `statement` turns the tree into one SQL statement that writes the answer's JSON; `road` keeps both
and binds the values of a request to them. `changes` carries out the mutations that change a record, and `printing` says
what became of it. Both roads give the same bytes.
"""

from crmgraph.graph.compiled.mutations import ChangeRoad
from crmgraph.graph.compiled.queries import Road

__all__ = ["ChangeRoad", "Road"]
