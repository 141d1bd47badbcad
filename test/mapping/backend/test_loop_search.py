from types import SimpleNamespace

import numpy as np
import pytest

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend import loop_search
from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase
from vggt_ros.mapping.backend.loop_closure import LoopQuery
from vggt_ros.mapping.backend.loop_search import LoopSearch
from vggt_ros.mapping.backend.loop_verification import LoopStatistics
from vggt_ros.mapping.backend.submap_graph import SubmapGraph
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.settings.world_config import LoopSettings

ERRORS = PoseErrorModel()
STATISTICS = LoopStatistics(num_queries=1, num_verified=0, num_confirmed=0, refusals={})


def predict(frames, request):
    raise AssertionError('only the closer asks')


@pytest.fixture
def search(monkeypatch):
    """A search whose two ways note what they are asked."""
    asked = []

    class Closer:
        places = (SimpleNamespace(submap_id=3), SimpleNamespace(submap_id=99))

        def __init__(self, database):
            pass

        def candidates(self, query):
            asked.append('candidates by descriptors')
            return list(self.places)

        def verify(self, query, places, submaps, predict, error_model):
            assert error_model is ERRORS
            asked.append(('verify', [place.submap_id for place in places], submaps, predict))

        def clear(self):
            asked.append('clear')

    class Verifier:
        statistics = STATISTICS
        found = 'candidates'

        def __init__(self, database):
            pass

        def candidates(self, query, graph):
            asked.append('candidates by features')
            return self.found

        def verify(self, candidates):
            asked.append(('verify', candidates))

        def clear(self):
            asked.append('clear')

    monkeypatch.setattr(loop_search, 'LoopCloser', Closer)
    monkeypatch.setattr(loop_search, 'LoopVerifier', Verifier)
    made = LoopSearch(KeyframeDatabase(LoopSettings()), predict)
    made.asked, made.closer, made.verifier = asked, Closer, Verifier
    return made


@pytest.fixture
def graph():
    graph = SubmapGraph()
    for _ in range(5):
        graph.add(Sim3(1.0, np.eye(3), np.zeros(3)), isotropic(0.01, 0.01, 0.01))
    return graph


def query_of(graph, features):
    nothing = Submap(
        frame_ids=(),
        depth=np.zeros((0, 2, 2), np.float32),
        confidence=np.zeros((0, 2, 2), np.float32),
        points_in_cam=np.zeros((0, 2, 2, 3), np.float32),
        points_confidence=np.zeros((0, 2, 2), np.float32),
        K=np.zeros((0, 3, 3)),
        ref_from_cam=np.zeros((0, 4, 4)),
        focal_ratio=float('nan'),
    )
    return LoopQuery(
        submap=graph[4],
        frames=(),
        in_map=nothing,
        descriptors=np.zeros((0, 4), np.float32),
        features=features,
    )


def test_where_images_were_asked_they_are_asked_again(search, graph):
    query = query_of(graph, ())
    verify = search.verification(query, graph, ERRORS)
    assert search.asked == ['candidates by features'], 'nothing long while the map is held'
    verify()
    assert search.asked[1:] == [('verify', 'candidates')]
    search.verifier.found = None
    assert search.verification(query, graph, ERRORS) is None


def test_else_the_network_is_asked_about_places_that_the_map_has(search, graph):
    query = query_of(graph, None)
    verify = search.verification(query, graph, ERRORS)
    assert search.asked == ['candidates by descriptors']
    verify()
    assert search.asked[1:] == [('verify', [3], {3: graph[3]}, predict)]
    search.closer.places = search.closer.places[1:]
    assert search.verification(query, graph, ERRORS) is None


def test_both_forget(search):
    search.clear()
    assert search.asked == ['clear', 'clear']
    assert search.statistics is STATISTICS
