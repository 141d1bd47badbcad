"""Session: all that a map needs to be gone on with, as files that outlive the process.

Imports frontend, refinement, registration, backend and layers.
"""
