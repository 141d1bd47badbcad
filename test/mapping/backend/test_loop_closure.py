import numpy as np
import pytest

from vggt_ros.geometry.rotation import angle_between
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase
from vggt_ros.mapping.backend.loop_closure import LoopCloser, LoopQuery
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.settings.world_config import LoopSettings
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import Errors, NONE, SimulatedPredictor

ROUND = 1000  # frames after which the loop is back at its beginning
SECOND_NS = 1_000_000_000


@pytest.fixture(scope='module')
def course():
    return make_course('corridor_loop', 1060, 0)


class Robot:
    """Asks a simulated network about frames of a course and puts the answers into the map."""

    def __init__(self, course, errors):
        self.course = course
        self.predictor = SimulatedPredictor(course, errors)
        self.asked = []

    def frame(self, index):
        shape = (self.course.height, self.course.width, 3)
        image = np.full(shape, index % 255, np.uint8)
        return Frame(
            id=index,
            stamp_ns=index * SECOND_NS // 10,
            camera_frame='camera',
            image=image,
            K=self.course.K,
        )

    def predict(self, frames, request):
        self.asked.append([frame.id for frame in frames])
        ids = [frame.id for frame in frames]
        return self.predictor.predict([frame.image for frame in frames], request, frame_ids=ids)

    def window_in_map(self, indices, drift=None):
        """A window where the map has it: at the truth, moved by a drift."""
        frames = tuple(self.frame(index) for index in indices)
        prediction = self.predict(frames, Request())
        submap = submap_from_prediction(Window.of_frames(frames), prediction)
        truth = self.course.world_from_cam[indices[0]]
        first = submap.ref_from_cam[0]
        scale = 1.0 / self._unit(submap, indices)
        rotation = truth[:3, :3] @ first[:3, :3].T
        place = Sim3(scale, rotation, truth[:3, 3] - scale * rotation @ first[:3, 3])
        place = place if drift is None else drift @ place
        in_map = submap.moved(place)
        pose = in_map.ref_from_cam[0]
        placed = PlacedSubmap(
            id=indices[0],
            segment=0,
            map_from_submap=Sim3(1.0, pose[:3, :3], pose[:3, 3]),
            covariance=np.eye(7),
        )
        return frames, in_map, placed, prediction.descriptors

    def _unit(self, submap, indices):
        true_m = np.linalg.norm(
            np.diff(self.course.world_from_cam[list(indices)][:, :3, 3], axis=0)
        )
        return np.linalg.norm(np.diff(submap.ref_from_cam[:, :3, 3], axis=0)) / true_m


def remembered(robot, database, starts):
    submaps = {}
    for start in starts:
        frames, in_map, placed, descriptors = robot.window_in_map(range(start, start + 8))
        submaps[placed.id] = placed
        for k in (1, 6):
            database.add(placed.id, frames[k], in_map.select([frames[k].id]), descriptors[k])
    return submaps


def visit_of(robot, start, drift=None):
    frames, in_map, placed, descriptors = robot.window_in_map(range(start, start + 8), drift)
    return LoopQuery(submap=placed, frames=frames, in_map=in_map, descriptors=descriptors)


def look(robot, start, drift=None, places_at=None):
    database = KeyframeDatabase(LoopSettings())
    submaps = remembered(robot, database, range(0, 120, 8))
    closer = LoopCloser(database)
    query = visit_of(robot, start, drift)
    places = closer.candidates(query) if places_at is None else database.around(places_at, 3)
    if not places:
        return closer, query, submaps, None
    edge = closer.verify(
        query, places, submaps | {query.submap.id: query.submap}, robot.predict, PoseErrorModel()
    )
    return closer, query, submaps, edge


def test_a_place_that_is_seen_again_says_where_the_newest_submap_is(course):
    robot = Robot(course, NONE)
    turn = np.array([[0.98, -np.sqrt(1 - 0.98**2), 0], [np.sqrt(1 - 0.98**2), 0.98, 0], [0, 0, 1]])
    drift = Sim3(1.1, turn, np.array([2.0, -1.0, 0.3]))
    closer, query, submaps, edge = look(robot, ROUND, drift)
    assert closer.num_found == 1
    assert edge.j == query.submap.id
    found = submaps[edge.i].map_from_submap @ edge.i_from_j
    truth = course.world_from_cam[ROUND]
    np.testing.assert_allclose(found.translation, truth[:3, 3], atol=0.02)
    assert angle_between(found.rotation, truth[:3, :3]) < 0.01
    assert found.scale == pytest.approx(1 / 1.1, rel=0.01)
    assert edge.is_loop


def test_with_errors_of_a_network_the_edge_is_as_sure_as_it_says(course):
    normalized = []
    for seed in range(8):
        robot = Robot(course, Errors(outliers=0.0, failures=0.0))
        robot.predictor = SimulatedPredictor(course, robot.predictor._errors, seed)
        _, _, submaps, edge = look(robot, ROUND)
        if edge is None:
            continue
        found = submaps[edge.i].map_from_submap @ edge.i_from_j
        off = found.translation - course.world_from_cam[ROUND][:3, 3]
        normalized.append(np.linalg.norm(off) / np.sqrt(np.trace(edge.covariance[3:6, 3:6])))
    assert len(normalized) >= 5
    assert 0.1 < np.median(normalized) < 3.0


def test_another_place_is_not_taken_for_an_old_one(course):
    robot = Robot(course, NONE)
    closer, _, _, edge = look(robot, 500, places_at=6)
    assert edge is None
    assert (closer.num_verified, closer.num_found) == (1, 0)


def test_nothing_is_asked_where_nothing_looks_alike(course):
    robot = Robot(course, NONE)
    closer, _, _, edge = look(robot, 500)
    assert edge is None
    assert closer.num_verified == 0


def test_after_a_look_that_brought_nothing_it_waits_longer_and_longer(course):
    robot = Robot(course, NONE)
    database = KeyframeDatabase(LoopSettings())
    submaps = remembered(robot, database, range(0, 120, 8))
    closer = LoopCloser(database)
    query = visit_of(robot, ROUND)
    submaps[query.submap.id] = query.submap
    pauses, waited = [], 0
    while len(pauses) < 6:
        places = closer.candidates(query)
        if not places:
            waited += 1
            continue
        pauses.append(waited)
        waited = 0
        closer.verify(query, places, submaps, robot.predict, PoseErrorModel())
    assert pauses == [0, 2, 4, 8, 16, 16], 'the map agrees: nothing moves'


def test_a_failing_network_is_no_loop(course):
    robot = Robot(course, NONE)
    database = KeyframeDatabase(LoopSettings())
    submaps = remembered(robot, database, range(0, 120, 8))
    query = visit_of(robot, ROUND)
    submaps[query.submap.id] = query.submap
    robot.predictor = SimulatedPredictor(course, Errors(failures=1.0))
    closer = LoopCloser(database)
    places = closer.candidates(query)
    assert closer.verify(query, places, submaps, robot.predict, PoseErrorModel()) is None
