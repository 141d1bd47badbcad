from dataclasses import replace
import json

import numpy as np

from vggt_ros.offline.position_refinement import PositionReport
from vggt_ros.offline.run_record import known, versions, warnings_of


def test_a_record_is_json_and_says_what_was_done(record, mapped, walk):
    told = json.loads(json.dumps(record, allow_nan=False))
    assert told['command'] == ['vggt_ros', 'map', 'a <b>']
    assert told['network']['sha256'] == 'ab' * 32
    assert told['input']['num_frames'] == told['frames']['read'] == len(walk)
    assert told['input']['first_stamp_ns'] == 1_700_000_000_123_456_789
    assert told['frames']['dropped'] == {'not_keyframe': len(walk) - len(mapped.keyframes)}
    assert told['frames']['coverage'] == 1.0
    assert told['scale']['is_metric'] is False
    assert told['scale']['log_sigma'] is None
    assert told['errors']['frames']['ate_sim3_m'] < 0.01
    assert told['peak_memory_mb'] > 50
    assert told['settings']['window.size'] == 8
    assert len(told['windows']) == len(mapped.windows)


def test_versions_name_what_computed():
    assert {'vggt_ros', 'python', 'torch', 'numpy'} <= set(versions())


def test_warnings_say_what_is_not_as_it_should_be(mapped, backbone_of, walk):
    network = backbone_of(walk).description
    assert warnings_of(mapped, network, {}) == [
        'lengths are in map units: nothing gave metric scale'
    ]
    unused = replace(mapped, positions=PositionReport(why='too short', num_positions=7))
    assert 'positions of satellites: too short' in warnings_of(unused, network, {})
    counts = replace(mapped.counts, drops={'not_keyframe': 3, 'blind': 2})
    kind = ('none',) * 5 + mapped.poses.kind[5:]
    worse = replace(mapped, counts=counts, num_segments=2, poses=replace(mapped.poses, kind=kind))
    told = '; '.join(warnings_of(worse, replace(network, notice='a toy'), {'late': 4}))
    for words in (
        'a toy',
        '5 of 25 frames have no pose',
        '2 segments',
        '2 frames were dropped',
        '4 frames of',
    ):
        assert words in told
    assert 'not_keyframe' not in told
    none = np.zeros(0, np.int64)
    nothing = replace(mapped, keyframes=none, segments=none, growth=np.zeros(0))
    assert 'there is no map' in '; '.join(warnings_of(nothing, network, {}))


def test_what_is_not_known_is_none():
    assert known({'a': (float('nan'), 1.0), 'b': [float('inf')]}) == {
        'a': [None, 1.0],
        'b': [None],
    }
