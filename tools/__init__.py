"""Tools of developers; not installed."""
