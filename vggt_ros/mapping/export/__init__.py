"""Export: maps written to files: PLY, PCD, COLMAP text models, and folders that are whole.

Imports frontend, layers and session.
"""
