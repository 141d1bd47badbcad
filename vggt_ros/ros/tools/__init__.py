"""Tools: nodes and probes beside the main node: player, recorder, doctor.

Imports all rooms of ros.
"""
