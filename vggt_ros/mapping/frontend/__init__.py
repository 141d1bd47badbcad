"""Front end: from single frames to windows of keyframes.

Frames, stamps, synchronization, keyframe selection, window buffer, and the clocks of a rig.
Imports settings and geometry; knows nothing of the map.
"""
