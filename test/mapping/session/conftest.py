from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted


@pytest.fixture(scope='session')
def session(make_predictor, make_config, make_frame, point_scene, true_pose):
    """A small map: of every other place the features are known; one loop was closed."""
    config = make_config(occupancy__enable=True, map__voxel_size=0.3)
    mapper = Mapper(make_predictor(), config, offline=True)
    for index in range(30):
        mapper.add_frame(make_frame(index))
        while (window := mapper.wait_for_window(0.0)) is not None:
            mapper.process(window, Wanted(tracks=False))
    found = mapper.map.session()
    room = point_scene.room(1, count=60, center=(0, 0, 0), size=(8, 3, 6))
    rng = np.random.default_rng(0)
    keyframes = [
        replace(each, features=room.seen_from(true_pose(each.frame.id), rng).features)
        if k % 2
        else each
        for k, each in enumerate(found.keyframes)
    ]
    first, last = found.submaps[0], found.submaps[-1]
    loop = Edge(
        i=first.id,
        j=last.id,
        i_from_j=first.map_from_submap.inverse() @ last.map_from_submap,
        covariance=isotropic(0.01, 0.02, 0.03),
        is_loop=True,
    )
    return replace(found, keyframes=tuple(keyframes), edges=(*found.edges, loop))
