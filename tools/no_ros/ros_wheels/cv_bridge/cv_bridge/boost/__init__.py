"""Where the original keeps its compiled module."""
