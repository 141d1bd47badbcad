"""Layers: what is drawn from placed windows: points, occupancy, path, tracks, odometry.

And the update that carries them to whoever publishes. Imports all rooms before it.
"""
