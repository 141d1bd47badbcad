from dataclasses import replace
import json

import numpy as np
import pytest

from vggt_ros.errors import SessionError
from vggt_ros.mapping.session.session_folder import read_session, write_session
from vggt_ros.viewer.map_page import MapPage
from vggt_ros.viewer.saved_scene import read_saved_scene


def test_all_that_is_stored_is_shown(stored_map, canvas):
    session, scene = read_session(stored_map), read_saved_scene(stored_map)
    page = MapPage(canvas)
    scene.put_on(page)
    while not page.draw().is_complete:
        pass
    stored = session.voxels.means[:, :3]
    shown = canvas.points_in_map()
    assert len(shown) == len(stored) > 100
    for axis in range(3):
        np.testing.assert_allclose(np.sort(shown[:, axis]), np.sort(stored[:, axis]), atol=0.01)
    assert len(canvas.lines['/path'][0]) == len(session.path) - 1
    assert 0 < len(canvas.frusta) <= len(session.keyframes)
    assert len(canvas.lines['/graph'][0]) == len(session.edges)
    assert '/floor' in canvas.floors


def test_cameras_open_as_wide_as_their_intrinsics_say(stored_map):
    session, scene = read_session(stored_map), read_saved_scene(stored_map)
    keyframe, frame = session.keyframes[0], scene.frames[0]
    K = keyframe.in_map.K[0] if keyframe.frame.K is None else keyframe.frame.K
    expected = 2 * np.arctan((K[1, 2] + 0.5) / K[1, 1])
    assert frame.fov_rad == pytest.approx(expected, rel=1e-6)
    assert frame.stamp_ns == keyframe.frame.stamp_ns


def test_time_goes_back_to_the_first_submap(stored_map, canvas):
    scene = read_saved_scene(stored_map)
    assert set(scene.begins_ns) <= set(scene.places)
    page = MapPage(canvas)
    scene.put_on(page)
    page.choose(replace(page.settings, until_ns=int(scene.stamps_ns[0])))
    page.draw()
    visible = {name for name in canvas.clouds if name not in canvas.hidden}
    first = min(scene.begins_ns, key=scene.begins_ns.get)
    assert {name.split('/')[2].split('_')[0] for name in visible} == {str(first)}


def test_what_the_run_says_is_told_and_a_broken_record_is_no_trouble(stored_map):
    record = stored_map / 'run.json'
    assert read_saved_scene(stored_map).facts['unit'] == 'map units (not metric)'
    run = {
        'network': {'checkpoint': 'nano'},
        'frames': {'read': 12, 'dropped': {'not_keyframe': 3}},
    }
    record.write_text(json.dumps(run))
    facts = read_saved_scene(stored_map).facts
    assert facts['network'] == 'nano' and facts['frames'] == '12, 3 of them not in the map'
    record.write_text('{"network": 7')
    assert 'network' not in read_saved_scene(stored_map).facts
    record.unlink()


def test_a_folder_without_a_map_is_refused(tmp_path):
    with pytest.raises(SessionError, match=r'session\.json'):
        read_saved_scene(tmp_path)


def test_of_a_rig_the_first_camera_is_shown(stored_map, tmp_path):
    session = read_session(stored_map)
    second = {
        1000 + frame_id: replace(pose, view=replace(pose.view, camera=1))
        for frame_id, pose in session.path.items()
    }
    keyframes = tuple(
        replace(
            each,
            frame=replace(each.frame, camera=1, id=1000 + each.frame.id),
            in_map=replace(each.in_map, frame_ids=(1000 + each.frame.id,)),
        )
        for each in session.keyframes
    )
    rig = replace(
        session, path={**session.path, **second}, keyframes=(*session.keyframes, *keyframes)
    )
    write_session(tmp_path, rig, software='test', settings={})
    alone, scene = read_saved_scene(stored_map), read_saved_scene(tmp_path)
    np.testing.assert_array_equal(scene.stamps_ns, alone.stamps_ns)
    assert len(scene.frames) == len(alone.frames)
