"""The network: torch only, attribute names of the released checkpoint."""
