"""Sources of frames other than topics."""
