"""Registration: where a window is in the map, how large, and how sure that is.

Submaps, inlier tests, priors of the robot, scale, overlap registration and the pose error model.
Imports frontend and refinement.
"""
