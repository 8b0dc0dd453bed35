"""`python -m crmgraph.cli`, for where the program itself is not on the path."""

from crmgraph.cli import app

app(prog_name="crmgraph")
