"""Mapping: from frames to the map, as a chain of rooms. No ROS.

frontend, refinement, registration, backend, layers: each imports those before it; export stands
beside layers; the files here are the path of the data and import all of them.
"""
