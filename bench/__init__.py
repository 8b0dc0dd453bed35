"""The benchmark: crmgraph and its peers over the same tables. Never imported by the package."""
