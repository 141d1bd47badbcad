from dataclasses import replace
import math

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
import pytest

from vggt_ros.mapping.backend.leveling import LevelingReport
from vggt_ros.mapping.backend.loop_verification import LoopStatistics
from vggt_ros.mapping.frontend.counters import Counts
from vggt_ros.mapping.frontend.synchronizer import CameraSync
from vggt_ros.mapping.layers.coverage import Coverage
from vggt_ros.mapping.refinement.refined_window import RefinementReport
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.ros.diagnostics import Diagnostics
from vggt_ros.ros.health import Health
from vggt_ros.ros.input.imu_input import ImuReport
from vggt_ros.ros.input.input_report import TopicReport
from vggt_ros.ros.input.problem import Cause, Problem

COUNTS = Counts(
    frames_in=12,
    frames_used=7,
    drops={'late': 2, 'bad_step': 3},
    windows=4,
    windows_failed=0,
    refinements={'network': 3, 'not_verified': 1},
    latency_p50_s=0.25,
    latency_p95_s=0.5,
)
HEALTH = Health(
    state='tracking',
    counts=replace(COUNTS, drops={}),
    map_points=99,
    scale=1.25,
    scale_residual=0.01,
    focal_ratio=1.1,
    model={'checkpoint': 'nano', 'is_trained': 'true', 'note': 'a license'},
)

REPORT = RefinementReport(
    method='adjusted',
    start='tracks',
    reason='1 images are not confirmed by tracks',
    num_tracks=600,
    num_observations=1900,
    median_px=0.31,
    median_angle_deg=4.5,
    focal_ratio=0.97,
    duration_s=0.25,
)


def status_of(*healths):
    diagnostics = Diagnostics('/robot/vggt')
    for health in healths:
        message = diagnostics.message(Time(sec=5), health)
    assert message.header.stamp.sec == 5
    (status,) = message.status
    return status


def values_of(*healths):
    return {each.key: each.value for each in status_of(*healths).values}


def test_every_number_has_its_key():
    values = values_of(replace(HEALTH, counts=COUNTS, frames_pending=5))
    expected = {
        'state': 'tracking',
        'frames_in': '12',
        'frames_used': '7',
        'frames_dropped': '5',
        'frames_pending': '5',
        'dropped.late': '2',
        'dropped.bad_step': '3',
        'windows': '4',
        'windows_failed': '0',
        'latency_p50_s': '0.25',
        'latency_p95_s': '0.5',
        'map_points': '99',
        'scale': '1.25',
        'scale_residual': '0.01',
        'focal_ratio': '1.1',
        'is_metric': 'false',
        'model.checkpoint': 'nano',
        'model.note': 'a license',
    }
    assert expected.items() <= values.items()
    assert float(values['memory_mb']) > 10.0
    assert {'rate_images_hz', 'rate_frames_hz', 'rate_windows_hz'} <= values.keys()


def test_meters_have_their_source_and_how_sure_they_are():
    state = ScaleState(
        is_metric=True, meters_per_unit=1.02, log_sigma=0.013, source='odometry', num_rejected=4
    )
    values = values_of(
        replace(HEALTH, scale_state=state, submaps=12, loops=2, tf_mode='map_to_odom')
    )
    expected = {
        'is_metric': 'true',
        'scale_source': 'odometry',
        'metres_per_unit': '1.02',
        'metres_per_unit_log_sigma': '0.013',
        'scale_rejected': '4',
        'submaps': '12',
        'loops': '2',
        'is_connected': 'true',
        'tf_mode': 'map_to_odom',
    }
    assert expected.items() <= values.items()


def test_how_much_of_the_floor_was_seen_is_there_with_a_grid():
    assert not any(key.startswith('coverage') for key in values_of(HEALTH))
    found = Coverage(
        observed_m2=12.5, free_m2=10.0, frontier_m=2.25, num_frontiers=3, closed=0.875
    )
    expected = {
        'coverage.observed_m2': '12.5',
        'coverage.free_m2': '10',
        'coverage.frontier_m': '2.25',
        'coverage.frontiers': '3',
        'coverage.closed': '0.875',
    }
    assert expected.items() <= values_of(replace(HEALTH, coverage=found)).items()


def test_what_the_images_made_of_the_newest_window_and_of_all_is_there():
    values = values_of(replace(HEALTH, refinement=REPORT))
    expected = {
        'refinement.method': 'adjusted',
        'refinement.start': 'tracks',
        'refinement.reason': '1 images are not confirmed by tracks',
        'refinement.tracks': '600',
        'refinement.observations': '1900',
        'refinement.median_px': '0.31',
        'refinement.median_angle_deg': '4.5',
        'refinement.focal_ratio': '0.97',
        'refinement.duration_s': '0.25',
        'refined.network': '3',
        'refined.not_verified': '1',
    }
    assert expected.items() <= values.items()


def test_where_images_are_not_asked_the_method_is_off_and_nothing_else_is_said():
    values = values_of(HEALTH)
    assert [(k, v) for k, v in values.items() if k.startswith('refinement.')] == [
        ('refinement.method', 'off')
    ]


def test_loop_queries_are_counted_with_the_reasons_of_refusals():
    statistics = LoopStatistics(
        num_queries=9, num_verified=4, num_confirmed=2, refusals={'ambiguous': 3, 'few_matches': 5}
    )
    values = values_of(replace(HEALTH, loop_statistics=statistics))
    found = {key: value for key, value in values.items() if key.startswith('loop.')}
    assert found == {
        'loop.queries': '9',
        'loop.verified': '4',
        'loop.confirmed': '2',
        'loop.refused.ambiguous': '3',
        'loop.refused.few_matches': '5',
    }


def test_windows_that_images_do_not_confirm_are_a_warning():
    counts = replace(COUNTS, drops={'not_verified': 4}, windows_failed=1)
    status = status_of(HEALTH, replace(HEALTH, counts=counts))
    assert status.level == DiagnosticStatus.WARN
    assert 'not_verified' in status.message


def test_a_node_without_trouble_is_ok():
    status = status_of(HEALTH)
    assert status.level == DiagnosticStatus.OK
    assert status.name == 'robot/vggt: mapping'


def test_before_the_first_configuration_there_are_no_counts():
    status = status_of(Health(state='unconfigured'))
    assert status.level == DiagnosticStatus.OK
    assert 'frames_in' not in {each.key for each in status.values}


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'counts': replace(COUNTS, drops={'bad_step': 1})}, 'bad_step'),
        ({'counts': replace(COUNTS, drops={}, windows_failed=1)}, 'windows failed'),
        ({'scale_residual': 0.2}, 'scale_residual'),
        ({'focal_ratio': 2.0}, 'focal_ratio'),
        ({'model': {'is_trained': 'false', 'note': 'not trained'}}, 'not trained'),
        ({'is_connected': False}, 'relocalizing'),
        ({'tf_conflict': 'odom has the parent world'}, 'odom has the parent world'),
    ],
)
def test_what_deserves_a_look_is_a_warning(change, words):
    status = status_of(HEALTH, replace(HEALTH, **change))
    assert status.level == DiagnosticStatus.WARN
    assert words in status.message


@pytest.mark.parametrize('reason', ['not_keyframe', 'reset', 'paused'])
def test_frames_that_nobody_misses_are_no_trouble(reason):
    status = status_of(HEALTH, replace(HEALTH, counts=replace(COUNTS, drops={reason: 5})))
    assert status.level == DiagnosticStatus.OK


def test_trouble_of_long_ago_is_forgotten(monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr('vggt_ros.ros.diagnostics.time.monotonic', lambda: now_s[0])
    diagnostics = Diagnostics('/vggt')
    late = replace(HEALTH, counts=COUNTS)
    assert diagnostics.message(Time(), late).status[0].level == DiagnosticStatus.WARN
    now_s[0] += 11.0
    assert diagnostics.message(Time(), late).status[0].level == DiagnosticStatus.OK


def test_problems_are_told_with_the_cause_first():
    numbers = {'scale_residual': 0.2, 'tf_conflict': 'two senders', 'blind': 'too dark'}
    odometry = Problem(cause=Cause.ODOMETRY, text='silent')
    clock = Problem(cause=Cause.CLOCK, text='no clock')
    status = status_of(replace(HEALTH, tf_problems=(odometry, clock), **numbers))
    order = ['no clock', 'blind: too dark', 'two senders', 'silent']
    assert status.message.split('; ')[:4] == order
    values = {each.key: each.value for each in status.values}
    assert values['problem_0'] == 'clock: no clock'
    assert values['problem_4'].startswith('quality: scale_residual')
    assert values['tf_problem'] == 'two senders; silent; no clock'


def test_a_window_that_fails_may_follow_from_its_images_and_a_transition_does_not():
    dark = replace(HEALTH, blind='too dark', error='no overlap')
    assert values_of(dark)['problem_0'] == 'error: no overlap'
    assert values_of(replace(dark, window_error='no overlap'))['problem_0'].startswith('sight: ')


def test_an_error_is_an_error():
    status = status_of(replace(HEALTH, error='cannot configure: no such file'))
    assert status.level == DiagnosticStatus.ERROR
    assert status.message == 'cannot configure: no such file'


def test_what_is_not_known_is_said_so():
    assert math.isnan(float(values_of(Health(state='loading'))['scale']))


def test_windows_that_are_limited_for_lack_of_memory_are_a_warning_with_a_remedy():
    status = status_of(replace(HEALTH, window_limit=4))
    assert status.level == DiagnosticStatus.WARN
    assert 'limited to 4 frame sets; lower window.size' in status.message


def test_topics_and_cameras_are_there_and_what_is_wrong_with_them_is_a_warning():
    topic = TopicReport(
        topic='/image_1', kind='image', num_publishers=2, rate_hz=29.5, silent_s=0.0, problem=''
    )
    camera = CameraSync(
        num_frames=10,
        num_in_sets=8,
        num_dropped=2,
        offset_s=0.004,
        is_missing=False,
        period_s=0.1,
        true_offset_s=0.104,
    )
    health = replace(
        HEALTH,
        topics=(topic,),
        cameras=(camera, replace(camera, is_missing=True)),
        input_problems=(Problem(cause=Cause.TOPIC, text='nothing on /image_0'),),
    )
    values = values_of(health)
    assert values['input./image_1.rate_hz'] == '29.5'
    assert values['input./image_1.publishers'] == '2'
    assert values['input./image_1.loss_share'] == '0'
    assert values['input./image_1.kind'] == 'image'
    assert values['camera_0.offset_ms'] == '4'
    assert values['camera_0.period_ms'] == '100'
    assert values['camera_0.true_offset_ms'] == '104'
    assert values['camera_1.is_missing'] == 'true'
    status = status_of(health)
    assert status.level == DiagnosticStatus.WARN
    assert 'nothing on /image_0' in status.message


def test_a_network_that_does_not_answer_is_a_warning():
    assert status_of(replace(HEALTH, busy_s=9.0)).level == DiagnosticStatus.OK
    status = status_of(replace(HEALTH, busy_s=42.0))
    assert status.level == DiagnosticStatus.WARN
    assert 'at one window for 42 s' in status.message


def test_weights_that_take_long_are_a_warning():
    status = status_of(replace(HEALTH, delay='still loading nano'))
    assert status.level == DiagnosticStatus.WARN
    assert 'still loading nano' in status.message


def test_an_error_of_a_callback_is_an_error_for_a_while_and_counted():
    failed = replace(HEALTH, callback_errors=3, callback_error='a callback failed: KeyError(1)')
    status = status_of(failed)
    assert status.level == DiagnosticStatus.ERROR
    assert status.message == 'a callback failed: KeyError(1)'
    values = {each.key: each.value for each in status.values}
    assert (values['callback_errors'], values['error']) == ('3', status.message)
    later = status_of(replace(failed, callback_error=''))
    assert later.level != DiagnosticStatus.ERROR


def test_what_gravity_says_and_why_it_is_refused_is_there():
    plain = values_of(HEALTH)
    assert 'leveling.windows' not in plain, 'before the first configuration'
    imu = ImuReport(problem='/imu: no gravity', refused={'imu_gravity': 7})
    leveling = LevelingReport(num_used=5, num_refused=2, error_deg=1.25, problem='upside down')
    health = replace(HEALTH, imu=imu, leveling=leveling)
    values = values_of(health)
    assert values['leveling.windows'] == '5'
    assert values['leveling.refused'] == '2'
    assert values['leveling.error_deg'] == '1.25'
    assert values['imu.refused.imu_gravity'] == '7'
    assert values['imu.problem'] == '/imu: no gravity; upside down'
    assert values['problem_0'] == 'gravity: /imu: no gravity'
    assert values['problem_1'] == 'gravity: upside down'
