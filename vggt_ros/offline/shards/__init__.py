"""Shards of one long recording: cut, mapped each alone, and joined to one map."""
