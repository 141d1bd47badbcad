"""A network that raises, runs out of memory, hangs or answers with NaN."""

from dataclasses import replace
from threading import Event
import time

import numpy as np
import pytest

from vggt_ros.errors import DeviceMemoryError, PredictionError
from vggt_ros.inference.predictor import Predictor
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.registration.pose_priors import NoPriors
from vggt_ros.ros.health import health_of
from vggt_ros.ros.pipeline import Pipeline
from vggt_ros.ros.tf.tf_publisher import MapBroadcaster
from vggt_ros.settings.config import ModelSettings, VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.sequence import SyntheticSequence

PERIOD_NS = 100_000_000
CONFIG = with_values(
    VggtConfig(),
    {
        'model.checkpoint': 'nano',
        'refine.mode': 'off',
        'keyframe.min_parallax': 0.0,
        'window.size': 4,
        'window.overlap': 2,
        'tf.mode': 'none',
    },
)


class FaultyPredictor:
    """nano, but for what `fault` does to its next answers."""

    def __init__(self, nano):
        self._nano = nano
        self.fault = None
        self.num_calls = 0

    description = property(lambda self: self._nano.description)
    capabilities = property(lambda self: self._nano.capabilities)

    def encode(self, frame_id, image):
        self._nano.encode(frame_id, image)

    def predict(self, images, request, *, frame_ids=None):
        self.num_calls += 1
        self.newest_id = max(frame_ids)
        answer = self._nano.predict(images, request, frame_ids=frame_ids)
        return answer if self.fault is None else self.fault(answer)

    def park(self):
        pass

    def unpark(self):
        pass

    def close(self):
        pass


def raising(error):
    def fault(answer):
        raise error

    return fault


def with_nan(name):
    def fault(answer):
        return replace(answer, **{name: np.full_like(getattr(answer, name), np.nan)})

    return fault


FAULTS = {
    'raises': (raising(PredictionError('the weights are broken')), 'the weights are broken'),
    'breaks': (raising(ZeroDivisionError('a bug')), 'a bug'),
    'has no memory': (raising(DeviceMemoryError('no memory')), 'no memory'),
    'answers with NaN poses': (with_nan('cam_from_world'), 'not finite'),
    'answers with NaN depth': (with_nan('depth'), 'no pixel'),
    'answers with NaN cameras': (with_nan('K_model'), 'not finite'),
}


@pytest.fixture(scope='module')
def nano():
    return Predictor.load(ModelSettings(checkpoint='nano', device='cpu'))


@pytest.fixture(scope='module')
def pictures():
    return SyntheticSequence(seed=1, num_frames=60, width=160, height=120).render(range(60)).rgb


class Run:
    """A pipeline at work, and images that it is sent."""

    def __init__(self, make_node, nano, pictures):
        self.predictor = FaultyPredictor(nano)
        node = make_node('vggt')
        broadcaster = object.__new__(MapBroadcaster)
        broadcaster.mode, broadcaster.conflict = 'none', ''
        broadcaster.send = lambda update: None
        self.pipeline = Pipeline(
            make_node.context(node, CONFIG, end_with_error=print),
            self.predictor,
            NoPriors(),
            broadcaster,
            lambda: None,
        )
        node.trigger_configure()
        node.trigger_activate()
        self.pipeline.start()
        self._pictures = pictures
        self._spin = make_node.spin
        self._number = 0

    def send(self, number):
        for _ in range(number):
            self._number += 1
            self.pipeline.add_frame(
                Frame(
                    id=id(self) * 1000 + self._number,
                    stamp_ns=10**18 + self._number * PERIOD_NS,
                    camera_frame='cam',
                    image=self._pictures[self._number % 60],
                )
            )

    def until(self, condition):
        assert self._spin(lambda: condition(self.pipeline.snapshot()), 20.0), (
            self.pipeline.snapshot(),
            self.pipeline.last_error,
        )

    def assert_accounted_for(self):
        snapshot = self.pipeline.snapshot()
        counts = snapshot.counts
        assert counts.frames_in == (
            counts.frames_used + counts.num_dropped + snapshot.frames_pending
        )


@pytest.fixture
def run(make_node, nano, pictures):
    made = Run(make_node, nano, pictures)
    yield made
    made.predictor.fault = None
    made.pipeline.stop()
    made.pipeline.close()


@pytest.mark.parametrize('what', FAULTS)
def test_a_network_that_fails_loses_its_window_and_nothing_else(run, what):
    run.send(4)
    run.until(lambda snapshot: snapshot.counts.windows == 1)
    before = run.pipeline.snapshot()
    run.predictor.fault, message = FAULTS[what]
    run.send(2)
    run.until(lambda snapshot: snapshot.counts.windows_failed >= 1 and run.pipeline.last_error)
    assert message in run.pipeline.last_error
    failed = run.pipeline.snapshot()
    assert failed.state == 'lost'
    assert failed.num_map_points == before.num_map_points > 0
    assert failed.counts.frames_used == before.counts.frames_used
    assert health_of('active', run.pipeline, None, '').error == run.pipeline.last_error
    run.assert_accounted_for()
    run.predictor.fault = None
    run.send(2)
    run.until(lambda snapshot: snapshot.counts.windows >= 2)
    assert run.pipeline.snapshot().state == 'tracking'
    assert run.pipeline.last_error == ''
    run.assert_accounted_for()


def test_a_network_that_hangs_is_told_and_the_newest_images_are_used_when_it_answers(run):
    run.send(4)
    run.until(lambda snapshot: snapshot.counts.windows == 1)
    go = Event()

    def hang(answer):
        go.wait(20.0)
        return answer

    calls = run.predictor.num_calls
    run.predictor.fault = hang
    run.send(2)
    run.until(lambda snapshot: run.predictor.num_calls > calls)
    start_s = time.monotonic()
    run.send(40)
    assert time.monotonic() - start_s < 5.0, 'nobody waits for it'
    run.assert_accounted_for()
    assert health_of('active', run.pipeline, None, '').busy_s > 0
    go.set()
    run.until(lambda snapshot: snapshot.counts.windows >= 3 and not snapshot.frames_pending)
    assert run.predictor.newest_id == id(run) * 1000 + 46
    assert run.pipeline.snapshot().counts.drops['late'] > 0
    run.assert_accounted_for()
