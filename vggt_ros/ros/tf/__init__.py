"""TF: what the tree says of the robot, and what is broadcast into it (REP 105).

Imports middleware.
"""
