"""Where frames come from when it is not a topic."""
