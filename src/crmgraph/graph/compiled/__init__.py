"""The compiled executor: a document whose fields are plain is compiled once, and one statement answers it from then on.

The schema is Strawberry's and stays the truth: its declarations say which column or relation a field reads, and its
resolvers and loaders answer whatever is not planned. `selection` turns a document into a tree of declared fields, or
says why it cannot; `statement` turns the tree into one SQL statement that writes the answer's JSON; `queries` keeps
both and binds the values of a request to them. `mutations` carries out those that change a record, and `printing` says
what became of it. Both executors give the same bytes.
"""

from crmgraph.graph.compiled.mutations import CompiledMutations
from crmgraph.graph.compiled.queries import CompiledQueries

__all__ = ["CompiledMutations", "CompiledQueries"]
