"""Errors against the truth."""
