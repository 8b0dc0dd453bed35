"""The search: which words records are found by, how the index of them is kept, and what a text finds."""
