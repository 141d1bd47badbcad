from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.refinement.features import Features
from vggt_ros.mapping.refinement.keyframe_features import pack_features
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.settings.world_config import LoopSettings

SECOND_NS = 1_000_000_000


def frame_of(index, size=(160, 120)):
    v, u = np.indices((size[1], size[0]))
    smooth = np.stack([u, v, 0 * u + index], axis=-1)
    return Frame(
        id=index,
        stamp_ns=index * SECOND_NS,
        camera_frame='camera',
        image=np.ascontiguousarray(smooth.astype(np.uint8)),
    )


def in_map_of(index, size=(160, 120)):
    shape = (1, size[1], size[0])
    pose = np.eye(4)
    pose[0, 3] = index
    return Submap(
        frame_ids=(index,),
        depth=np.full(shape, 2.0, np.float32),
        confidence=np.ones(shape, np.float32),
        points_in_cam=np.ones((*shape, 3), np.float32),
        points_confidence=np.ones(shape, np.float32),
        K=np.eye(3)[None] * 100.0,
        ref_from_cam=pose[None],
        focal_ratio=float('nan'),
    )


def descriptor_of(place, noise=0.0):
    """Each place has a direction of its own, and all have much in common."""
    own = np.random.default_rng(place).normal(size=32)
    rng = np.random.default_rng([7, place])
    found = 10.0 + own / np.linalg.norm(own) + noise * rng.normal(size=32)
    return (found / np.linalg.norm(found)).astype(np.float32)


@pytest.fixture
def database():
    database = KeyframeDatabase(LoopSettings(min_gap=15.0, max_places=40))
    for index in range(30):
        database.add(index // 2, frame_of(index), in_map_of(index), descriptor_of(index))
    return database


def test_a_place_is_found_by_what_is_not_common_to_all(database):
    assert database.candidate(descriptor_of(4, 0.02), 100 * SECOND_NS, 3) == 4
    assert database.candidate(descriptor_of(1000), 100 * SECOND_NS, 3) is None


def test_what_was_just_seen_is_no_other_place(database):
    assert database.candidate(descriptor_of(12), 26 * SECOND_NS, 3) is None, 'less than 15 s ago'
    assert database.candidate(descriptor_of(12), 27 * SECOND_NS, 3) == 12
    assert database.candidate(descriptor_of(28), 100 * SECOND_NS, 3) is None, 'a newest submap'


def test_too_few_places_have_nothing_in_common():
    database = KeyframeDatabase(LoopSettings())
    for index in range(7):
        database.add(index, frame_of(index), in_map_of(index), descriptor_of(index))
    assert database.candidate(descriptor_of(1), 100 * SECOND_NS, 1) is None


def test_the_image_comes_back_as_well_as_jpeg_keeps_it(database):
    frame = database[9].decoded()
    assert (frame.id, frame.stamp_ns) == (9, 9 * SECOND_NS)
    difference = np.abs(frame.image.astype(int) - frame_of(9).image)
    assert difference.mean() < 4


def test_neighbors_are_those_in_time(database):
    assert [place.frame.id for place in database.around(10, 3)] == [9, 10, 11]
    assert [place.frame.id for place in database.around(0, 3)] == [0, 1, 2]
    assert [place.frame.id for place in database.around(29, 3)] == [27, 28, 29]


def test_a_place_needs_little_memory(database):
    place = database[0]
    assert max(place.in_map.depth.shape[1:]) <= 80
    assert place.frame.image.size == 0
    assert place.in_map.points_in_cam.base is not None, 'a view'
    assert len(place.jpeg) < 20_000


def test_places_move_with_their_submaps(database):
    database.correct({2: Sim3(2.0, np.eye(3), np.array([0.0, 1.0, 0.0]))})
    assert database[4].in_map.ref_from_cam[0, :2, 3].tolist() == [8.0, 1.0]
    assert database[4].in_map.depth.max() == 4.0
    assert database[3].in_map.ref_from_cam[0, :2, 3].tolist() == [3.0, 0.0]


def test_when_there_are_too_many_those_of_crowded_places_go(database):
    # Ten more of where the last one was.
    for index in range(30, 41):
        database.add(index // 2, frame_of(index), in_map_of(29), descriptor_of(index))
    ids = [database[i].frame.id for i in range(len(database))]
    assert len(database) <= 40
    assert ids[:30] == list(range(30)), 'none of a place that was seen once'
    assert ids[-1] == 40


def test_a_place_of_a_submap_that_left_moves_with_another_one(database):
    database.reassign({2: 9})
    assert [database[i].submap_id for i in (3, 4, 5, 6)] == [1, 9, 9, 3]
    database.correct({9: Sim3(1.0, np.eye(3), np.ones(3))})
    assert database[4].map_from_cam[:3, 3].tolist() == [5.0, 1.0, 1.0]


def features_of(place, count=120):
    rng = np.random.default_rng([3, place])
    histograms = rng.gamma(0.3, size=(count, 128)) + 0.01
    looks = np.sqrt(histograms / histograms.sum(axis=1, keepdims=True)).astype(np.float32)
    found = Features(uv=np.zeros((count, 2), np.float32), descriptors=looks)
    return pack_features(found, np.full((count, 3), 2.0), np.eye(3), (160, 120))


@pytest.fixture
def seen_memory():
    """Places of which is known what their images show."""
    database = KeyframeDatabase(LoopSettings(min_gap=15.0, max_places=40))
    for index in range(30):
        database.add(
            index // 2,
            frame_of(index),
            in_map_of(index),
            descriptor_of(index),
            features_of(index),
        )
    return database


def test_a_place_is_found_by_its_features(seen_memory):
    similarity = seen_memory.word_similarities(features_of(11))
    assert int(np.argmax(similarity)) == 11
    assert seen_memory.word_similarities(features_of(500)).max() < 0.5


def test_with_features_a_small_image_is_kept_and_no_depth(seen_memory):
    frame = replace(frame_of(1000, (960, 720)), K=np.diag([800.0, 800.0, 1.0]))
    seen_memory.add(1000, frame, in_map_of(1000), descriptor_of(1000), features_of(1000))
    place = seen_memory[len(seen_memory) - 1]
    assert place.decoded().image.shape == (360, 480, 3)
    assert place.frame.K[0, 0] == 400.0
    assert place.in_map.depth.size <= 64
    assert place.features.nbytes < 20_000
    assert place.map_from_cam[0, 3] == 1000


def test_places_with_features_are_no_candidates_for_a_network_window(seen_memory):
    assert seen_memory.candidate(descriptor_of(4, 0.02), 100 * SECOND_NS, 3) is None


def test_points_of_features_move_with_their_submap(seen_memory):
    seen_memory.correct({2: Sim3(2.0, np.eye(3), np.array([0.0, 1.0, 0.0]))})
    assert np.unique(seen_memory[4].features.points_in_cam).tolist() == [4.0]
    assert np.unique(seen_memory[3].features.points_in_cam).tolist() == [2.0]


def test_places_that_were_thinned_out_are_not_found_by_their_features(seen_memory):
    for index in range(30, 41):
        seen_memory.add(
            index // 2,
            frame_of(index),
            in_map_of(min(index, 29)),
            descriptor_of(index),
            features_of(index),
        )
    for index in (0, 6, 25, 40):
        similarity = seen_memory.word_similarities(features_of(index))
        assert len(similarity) == len(seen_memory)
        assert seen_memory[int(np.argmax(similarity))].frame.id == index


def test_without_features_there_are_no_words(database):
    assert database.word_similarities(features_of(0)) is None
