"""Stand-in for ROS 2's `tf_transformations`, for environments without a ROS installation.

It keeps the names, defaults, conventions and errors of the package of the same name (DLu, 1.1),
so that code runs on either unchanged: homogeneous 4 x 4 matrices that act on columns, angles in
radians, and quaternions as ROS orders them, x y z w. Like the original it leaves rotations,
Euler angles, reflections, scalings and shears to the library transforms3d, and does itself what
that library lacks. Never install it where the real package exists.

Nothing public is left out. Differences:
  - Projections and superpositions also work with NumPy 2, where the original fails.
  - `projection_from_matrix` tells a parallel from a perspective projection by the last row, not
    by an eigenvalue of 1, which a perspective projection may have by chance, too.
  - `translation_from_matrix` also takes singular matrices.
  - `Arcball.setaxes()` without axes lifts the constraint instead of failing later.
"""

from tf_transformations.affine import (
    compose_matrix,
    concatenate_matrices,
    decompose_matrix,
    identity_matrix,
    inverse_matrix,
    is_same_transform,
    orthogonalization_matrix,
    reflection_from_matrix,
    reflection_matrix,
    rotation_from_matrix,
    ROTATION_IDENTITY,
    rotation_matrix,
    scale_from_matrix,
    scale_matrix,
    shear_from_matrix,
    SHEAR_IDENTITY,
    shear_matrix,
    translation_from_matrix,
    TRANSLATION_IDENTITY,
    translation_matrix,
    ZOOM_IDENTITY,
)
from tf_transformations.arcball import (
    Arcball,
    arcball_constrain_to_axis,
    arcball_map_to_sphere,
    arcball_nearest_axis,
)
from tf_transformations.euler import (
    _AXES2TUPLE,
    _TUPLE2AXES,
    euler_from_matrix,
    euler_from_quaternion,
    euler_matrix,
    quaternion_from_euler,
)
from tf_transformations.projection import clip_matrix, projection_from_matrix, projection_matrix
from tf_transformations.quaternion import (
    quaternion_about_axis,
    quaternion_conjugate,
    quaternion_from_matrix,
    quaternion_inverse,
    quaternion_matrix,
    quaternion_multiply,
    quaternion_slerp,
    random_quaternion,
    random_rotation_matrix,
)
from tf_transformations.superimposition import superimposition_matrix
from tf_transformations.vector import random_vector, unit_vector, vector_norm

__all__ = [
    'ROTATION_IDENTITY',
    'SHEAR_IDENTITY',
    'TRANSLATION_IDENTITY',
    'ZOOM_IDENTITY',
    '_AXES2TUPLE',
    '_TUPLE2AXES',
    'Arcball',
    'arcball_constrain_to_axis',
    'arcball_map_to_sphere',
    'arcball_nearest_axis',
    'clip_matrix',
    'compose_matrix',
    'concatenate_matrices',
    'decompose_matrix',
    'euler_from_matrix',
    'euler_from_quaternion',
    'euler_matrix',
    'identity_matrix',
    'inverse_matrix',
    'is_same_transform',
    'orthogonalization_matrix',
    'projection_from_matrix',
    'projection_matrix',
    'quaternion_about_axis',
    'quaternion_conjugate',
    'quaternion_from_euler',
    'quaternion_from_matrix',
    'quaternion_inverse',
    'quaternion_matrix',
    'quaternion_multiply',
    'quaternion_slerp',
    'random_quaternion',
    'random_rotation_matrix',
    'random_vector',
    'reflection_from_matrix',
    'reflection_matrix',
    'rotation_from_matrix',
    'rotation_matrix',
    'scale_from_matrix',
    'scale_matrix',
    'shear_from_matrix',
    'shear_matrix',
    'superimposition_matrix',
    'translation_from_matrix',
    'translation_matrix',
    'unit_vector',
    'vector_norm',
]
