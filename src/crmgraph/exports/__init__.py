"""Moving out: the records of the store as files that others read, and that `crmgraph import` reads again."""
