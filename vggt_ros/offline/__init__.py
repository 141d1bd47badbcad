"""Offline mapping: recordings to maps, poses of every frame, files and reports, as one call."""
