import numpy as np


def test_frames_of_the_past_are_numbered_below_zero_in_their_order(session):
    ids = {each.id: 100 + each.id for each in session.submaps}
    found = session.renumbered(ids)
    assert list(found.path) == list(range(-len(session.path), 0))
    stamps = [pose.view.stamp_ns for pose in found.path.values()]
    assert stamps == sorted(stamps)
    by_stamp = {pose.view.stamp_ns: frame_id for frame_id, pose in found.path.items()}
    for keyframe in found.keyframes:
        assert keyframe.frame.id == by_stamp[keyframe.frame.stamp_ns]
        assert keyframe.in_map.frame_ids == (keyframe.frame.id,)


def test_everything_follows_its_submap_to_its_new_id(session):
    ids = {each.id: 100 + each.id for each in session.submaps}
    found = session.renumbered(ids)
    np.testing.assert_array_equal(found.voxels.submap_ids, session.voxels.submap_ids + 100)
    for name in ('keyframes', 'scans'):
        old, new = getattr(session, name), getattr(found, name)
        assert [each.submap_id for each in new] == [100 + each.submap_id for each in old]
    poses = zip(session.path.values(), found.path.values(), strict=True)
    assert all(new.submap_id == 100 + old.submap_id for old, new in poses)


def test_what_belongs_to_a_forgotten_submap_belongs_to_none(session):
    last = session.submaps[-1].id
    found = session.renumbered({last: 7})
    assert set(found.voxels.submap_ids.tolist()) == {-1, 7}
    assert {each.submap_id for each in found.keyframes} == {-1, 7}
