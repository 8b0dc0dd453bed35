"""Moving in: from the files that people bring to records in crmgraph's words. Nothing is written here."""
