"""Execution: documents are parsed once, operations are run."""
