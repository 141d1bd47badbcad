from vggt_ros.mapping.depth_request import depth_request


def test_the_ends_of_the_seam_and_the_new_frames_get_depth():
    alone = [(i,) for i in range(8)]
    assert depth_request(alone, 4) == (0, 3, 4, 5, 6, 7)
    assert depth_request(alone, 1) == (0, 1, 2, 3, 4, 5, 6, 7)
    assert depth_request(alone[:4], 0) == (0, 1, 2, 3)
    assert depth_request([(0, 1), (2, 3), (4,), (5, 6)], 2) == (0, 2, 3, 4, 5, 6)
