"""The front of the REST dialects: what stands before the operations of each, and how their documents are written."""
