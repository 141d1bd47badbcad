"""Back end: submaps with their edges, stored keyframes, loops and the pose graph (gtsam).

Imports frontend, refinement and registration.
"""
