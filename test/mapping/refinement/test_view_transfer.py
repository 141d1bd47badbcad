import numpy as np

from vggt_ros.geometry.pinhole import project, unproject
from vggt_ros.geometry.se3 import inverse, transform
from vggt_ros.mapping.refinement.view_transfer import is_inside, ViewTransfer


def test_a_pixel_goes_where_its_point_is_projected(room, rng):
    uv = rng.uniform((0, 0), (167, 125), (30, 2))
    depth = rng.uniform(1, 5, 30)
    K = room.K.copy()
    K[3, 0, 0] *= 1.1
    found, z = ViewTransfer.between(K, room.world_from_cam, 1, [0, 3]).pixels(uv, depth)
    for i, other in enumerate((0, 3)):
        other_from_reference = inverse(room.world_from_cam[other]) @ room.world_from_cam[1]
        points_in_other = transform(other_from_reference, unproject(uv, depth, K[1]))
        np.testing.assert_allclose(found[i], project(points_in_other, K[other]), atol=1e-6)
        np.testing.assert_allclose(z[i], points_in_other[:, 2], rtol=1e-9)


def test_what_is_behind_the_other_camera_is_nowhere(sideways):
    poses = sideways(0, 0)
    poses[1, 2, 3] = 3.0
    transfer = ViewTransfer.between(np.stack([np.eye(3)] * 2), poses, 0, [1])
    uv, z = transfer.pixels(np.zeros((2, 2)), np.array([2.0, 4.0]))
    assert np.isnan(uv[0, 0]).all()
    assert np.isnan(z[0, 0])
    assert z[0, 1] == 1.0


def test_an_image_reaches_to_the_rims_of_its_outer_pixels():
    uv = np.array([[-0.4, 0], [-0.6, 0], [9.4, 4.4], [9.6, 0], [0, 4.6], [np.nan, 0]])
    assert is_inside(uv, 5, 10).tolist() == [True, False, True, False, False, False]
