"""The inputs of mutations, and the edits that they become."""
