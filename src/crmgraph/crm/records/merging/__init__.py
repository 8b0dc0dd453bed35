"""Merging: two records of one person, company or lead become one, and are taken apart again while that can be done."""
