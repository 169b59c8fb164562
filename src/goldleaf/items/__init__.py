"""Rows in, items out: one file a format, and the store that keeps every row and each distinct content once."""
