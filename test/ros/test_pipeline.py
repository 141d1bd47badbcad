from dataclasses import replace
from threading import Event

from geometry_msgs.msg import PoseStamped
import numpy as np
import pytest
from sensor_msgs.msg import Image, PointCloud2

from vggt_ros.errors import DeviceError, DeviceMemoryError, InputError, PredictionError
from vggt_ros.inference.backbone import Capabilities
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.registration.pose_priors import NoPriors
from vggt_ros.ros import pipeline as pipeline_module
from vggt_ros.ros.pipeline import Pipeline
from vggt_ros.ros.tf.tf_publisher import MapBroadcaster
from vggt_ros.settings.config import KeyframeSettings, VggtConfig, WindowSettings

CONFIG = VggtConfig(
    window=WindowSettings(size=2, overlap=1), keyframe=KeyframeSettings(min_parallax=0.0)
)


class StuckPredictor:
    """Takes a window and does not come back before it is let go."""

    capabilities = Capabilities(encodes_on_arrival=True)
    description = 'stuck'

    def __init__(self):
        self.taken, self.go = Event(), Event()
        self.calls = []

    def encode(self, frame_id, image):
        pass

    def predict(self, images, request, *, frame_ids=None):
        self.taken.set()
        self.go.wait(20.0)
        raise PredictionError('nothing to see; turn on the light')

    def park(self):
        self.calls.append('park')

    def unpark(self):
        self.calls.append('unpark')

    def close(self):
        self.calls.append('close')


class SilentBroadcaster(MapBroadcaster):
    def __init__(self):
        self.mode, self.conflict = 'none', ''
        self.sent = []

    def send(self, update):
        self.sent.append(update)

    def reset(self):
        pass

    def update_settings(self, settings):
        pass


@pytest.fixture
def predictor():
    made = StuckPredictor()
    yield made
    made.go.set()


@pytest.fixture
def pipeline(make_node, predictor):
    node = make_node('vggt')
    ends = []
    restarts = []
    made = Pipeline(
        make_node.context(node, CONFIG, end_with_error=ends.append),
        predictor,
        NoPriors(),
        SilentBroadcaster(),
        lambda: restarts.append(True),
    )
    made.ends, made.restarts = ends, restarts
    made.sent = made.broadcaster.sent
    node.trigger_configure()
    node.trigger_activate()
    made.node = node
    yield made
    predictor.go.set()
    made.stop()


def add_frames(pipeline, rng, number=2):
    for index in range(number):
        pipeline.add_frame(
            Frame(
                id=index,
                stamp_ns=1_000_000_000 + index,
                camera_frame='cam',
                image=rng.integers(0, 256, (48, 64, 3), dtype=np.uint8),
            )
        )


def test_the_memory_of_the_device_is_taken_at_the_start_and_given_back(pipeline, predictor):
    pipeline.start()
    pipeline.stop()
    pipeline.close()
    assert predictor.calls == ['unpark', 'park', 'close']


def test_frames_are_taken_while_a_window_is_at_work(pipeline, predictor, rng):
    pipeline.start()
    add_frames(pipeline, rng)
    assert predictor.taken.wait(10.0)
    pipeline.add_frame(
        Frame(id=9, stamp_ns=2 * 10**9, camera_frame='cam', image=np.zeros((48, 64, 3), np.uint8))
    )
    assert pipeline.snapshot().counts.frames_in == 3


def test_the_end_does_not_wait_for_a_window_that_takes_for_ever(pipeline, predictor, rng):
    pipeline.start()
    add_frames(pipeline, rng)
    assert predictor.taken.wait(10.0)
    assert not pipeline.stop_within(0.2)
    predictor.go.set()
    assert pipeline.stop_within(10.0)


def test_a_window_that_fails_is_remembered_and_a_reset_forgets_it(
    make_node, pipeline, predictor, rng
):
    predictor.go.set()
    pipeline.start()
    add_frames(pipeline, rng)
    assert make_node.spin(lambda: pipeline.last_error)
    assert 'turn on the light' in pipeline.last_error
    assert pipeline.snapshot().counts.windows_failed == 1
    pipeline.reset()
    assert pipeline.last_error == ''


def test_refused_images_are_counted(pipeline):
    pipeline.count_refused('bad_step')
    counts = pipeline.snapshot().counts
    assert (counts.frames_in, counts.drops) == (1, {'bad_step': 1})


def test_a_frame_that_cannot_be_used_is_refused(pipeline):
    with pytest.raises(InputError):
        pipeline.add_frame(
            Frame(id=0, stamp_ns=0, camera_frame='cam', image=np.zeros((4, 4, 3), np.uint8))
        )


def test_the_map_is_offered_once_and_only_if_it_has_news(make_node, pipeline):
    heard = []
    pipeline.node.create_subscription(PointCloud2, '/vggt/map/points', heard.append, 10)
    pipeline.offer_map()
    assert not make_node.spin(lambda: heard, 0.3)
    pipeline.reset()

    def offered():
        pipeline.offer_map()
        return heard

    assert make_node.spin(offered)
    assert heard[0].width == 0
    for _ in range(3):
        pipeline.offer_map()
    assert not make_node.spin(lambda: len(heard) > 1, 0.3)


@pytest.mark.parametrize(('policy', 'ends'), [('shutdown', True), ('skip', False)])
def test_memory_that_does_not_suffice_ends_the_node_if_that_is_the_policy(
    pipeline, predictor, rng, monkeypatch, policy, ends
):
    def run_out(images, request, *, frame_ids=None):
        predictor.taken.set()
        raise DeviceMemoryError('tried to allocate 20 GiB')

    monkeypatch.setattr(predictor, 'predict', run_out)
    model = replace(CONFIG.model, oom_policy=policy)
    monkeypatch.setattr(pipeline._config, 'value', replace(CONFIG, model=model))
    pipeline.start()
    add_frames(pipeline, rng)
    assert predictor.taken.wait(10.0)
    pipeline.stop()
    assert '20 GiB' in pipeline.last_error
    assert bool(pipeline.ends) == ends


@pytest.mark.parametrize('is_metric', [True, False])
@pytest.mark.parametrize('require_metric', [True, False])
def test_places_wait_for_meters_if_they_are_required(
    make_node, pipeline, frame_result, make_update, is_metric, require_metric
):
    scale = replace(CONFIG.scale, require_metric=require_metric)
    pipeline.update_config(replace(CONFIG, scale=scale))
    poses, depths = [], []
    pipeline.node.create_subscription(PoseStamped, '/vggt/pose', poses.append, 10)
    pipeline.node.create_subscription(Image, '/vggt/depth/image_rect', depths.append, 10)
    assert make_node.spin(
        lambda: (
            pipeline.node.count_subscribers('/vggt/pose')
            and pipeline.node.count_subscribers('/vggt/depth/image_rect')
        )
    )
    result = frame_result()
    update = make_update([result], is_metric=is_metric)

    def published():
        if not depths:
            pipeline._on_update(update)
        return depths

    assert make_node.spin(published), 'what a frame sees is shown in any unit'
    make_node.spin(lambda: False, 0.2)
    assert bool(poses) == bool(pipeline.sent) == (is_metric or not require_metric)


def test_a_network_that_hangs_is_no_reason_to_wait_for_ever(pipeline, predictor, rng, monkeypatch):
    monkeypatch.setattr(pipeline_module, '_PATIENCE_S', 0.2)
    pipeline.start()
    add_frames(pipeline, rng)
    assert predictor.taken.wait(5.0)
    with pytest.raises(DeviceError, match='end the process'):
        pipeline.stop()
    assert 'park' not in predictor.calls, 'the weights are in use'
    predictor.go.set()
    pipeline.stop()
    assert predictor.calls[-1] == 'park'


def test_when_the_stamps_begin_again_the_map_is_empty_and_the_robot_is_told(pipeline, rng):
    add_frames(pipeline, rng)
    pipeline.last_error = 'an error of before'
    images = rng.integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)
    strays = [
        Frame(id=10 + i, stamp_ns=1000 + i, camera_frame='cam', image=images[i]) for i in (0, 1)
    ]
    pipeline.add_frame(Frame(id=8, stamp_ns=3 * 10**9, camera_frame='cam', image=images[0]))
    with pytest.raises(InputError):
        pipeline.add_frame(Frame(id=9, stamp_ns=10**13, camera_frame='cam', image=images[0]))
    assert not pipeline.restarts, 'one stamp is an outlier'
    with pytest.raises(InputError):
        pipeline.add_frame(strays[0])
    pipeline.add_frame(strays[1])
    assert pipeline.restarts == [True]
    assert pipeline.last_error == ''
    assert pipeline.snapshot().frames_pending == 1
