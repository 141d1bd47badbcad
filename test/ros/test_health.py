from types import SimpleNamespace

import pytest

from vggt_ros.inference.backbone import Capabilities
from vggt_ros.inference.predictor import Predictor
from vggt_ros.inference.predictor_description import PredictorDescription
from vggt_ros.mapping.backend.loop_verification import LoopStatistics
from vggt_ros.mapping.frontend.counters import Counters
from vggt_ros.mapping.layers.coverage import Coverage
from vggt_ros.mapping.refinement.refined_window import RefinementReport
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.mapping.snapshot import Snapshot
from vggt_ros.ros.health import health_of
from vggt_ros.ros.pipeline import Pipeline
from vggt_ros.ros.tf.tf_publisher import MapBroadcaster

STATISTICS = LoopStatistics(num_queries=3, num_verified=2, num_confirmed=1, refusals={})
REPORT = RefinementReport(
    method='rotation',
    start='tracks',
    reason='no parallax',
    num_tracks=50,
    num_observations=200,
    median_px=0.4,
    median_angle_deg=0.0,
    focal_ratio=1.0,
    duration_s=0.1,
)
COVERAGE = Coverage(observed_m2=12.5, free_m2=10.0, frontier_m=2.25, num_frontiers=3, closed=0.875)


@pytest.fixture
def pipeline():
    """A pipeline after its first window, without what health does not ask for."""
    made = object.__new__(Pipeline)
    made._predictor = object.__new__(Predictor)
    made._predictor.capabilities = Capabilities()
    made._predictor.description = PredictorDescription(
        checkpoint='nano',
        device='cpu',
        precision='fp32',
        num_parameters=7,
        image_size=168,
        is_trained=False,
        notice='not trained',
    )
    snapshot = Snapshot(
        state='tracking',
        counts=Counters().counts(),
        frames_pending=2,
        cameras=(),
        num_map_points=5,
        num_submaps=3,
        num_loops=1,
        loop_statistics=STATISTICS,
        window_limit=4,
        epoch=0,
    )
    made._mapper = SimpleNamespace(snapshot=lambda: snapshot)
    made._worker = SimpleNamespace(busy_s=0.5)
    made._broadcaster = object.__new__(MapBroadcaster)
    made._broadcaster.mode, made._broadcaster.conflict = 'map_to_odom', 'another node is'
    made.last_update = SimpleNamespace(
        scale=2.0,
        scale_residual=0.1,
        depth_ratio=1.1,
        focal_ratio=0.9,
        is_connected=False,
        refinement=REPORT,
        scale_state=ScaleState(
            is_metric=True, meters_per_unit=1.01, log_sigma=0.02, source='odometry'
        ),
    )
    made.last_error = ''
    made.coverage = SimpleNamespace(newest=COVERAGE)
    return made


def test_without_a_pipeline_only_state_and_error_are_known():
    health = health_of('unconfigured', None, None, 'cannot configure')
    assert (health.state, health.error, health.counts) == (
        'unconfigured',
        'cannot configure',
        None,
    )


def test_while_active_the_state_is_that_of_the_mapper(pipeline):
    assert health_of('active', pipeline, None, '').state == 'tracking'
    assert health_of('inactive', pipeline, None, '').state == 'inactive'


def test_the_numbers_of_the_newest_window_are_there(pipeline):
    health = health_of('active', pipeline, None, '')
    assert (health.scale, health.scale_residual, health.focal_ratio) == (2.0, 0.1, 0.9)
    assert (health.map_points, health.frames_pending, health.window_limit) == (5, 2, 4)
    assert health.busy_s == 0.5
    assert health.refinement is REPORT
    assert health.loop_statistics is STATISTICS
    assert health.coverage is COVERAGE
    assert health.model['note'] == 'not trained'
    assert health.model['is_trained'] == 'false'


def test_a_window_that_failed_is_the_error_unless_a_transition_did(pipeline):
    pipeline.last_error = 'no memory'
    assert health_of('active', pipeline, None, '').error == 'no memory'
    assert health_of('active', pipeline, None, 'cannot activate').error == 'cannot activate'


def test_scale_frames_and_segments_are_there(pipeline):
    health = health_of('active', pipeline, None, '')
    assert (health.submaps, health.loops, health.is_connected) == (3, 1, False)
    assert (health.tf_mode, health.tf_conflict) == ('map_to_odom', 'another node is')
    assert health.scale_state.is_metric
