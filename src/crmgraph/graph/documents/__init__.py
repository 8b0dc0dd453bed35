"""Documents: parsed, measured, validated and kept; an operation of one is prepared once a request."""
