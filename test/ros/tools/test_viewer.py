import itertools
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import OccupancyGrid, Path
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_srvs.srv import SetBool, Trigger
from visualization_msgs.msg import Marker

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells
from vggt_ros.mapping.layers.submap_tiles import SubmapTile, TiledMap
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.ros.middleware import messages
from vggt_ros.ros.output import submap_messages
from vggt_ros.ros.output.occupancy_message import occupancy_grid
from vggt_ros.ros.tools import viewer as viewer_module
from vggt_ros.ros.tools.viewer import Viewer

pytest.importorskip('viser', reason="viser is not installed: pip install 'vggt_ros[view]'")
pytestmark = pytest.mark.ros
STAMP_NS = 1_700_000_000_000_000_001
HEADER = messages.header_of(STAMP_NS, 'map')
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
TOPICS = {
    'map/submap_points': (PointCloud2, 10),
    'map/submaps': (PointCloud2, LATCHED),
    'map/graph': (Marker, LATCHED),
    'occupancy': (OccupancyGrid, LATCHED),
    'path': (Path, 10),
    'rgb/image_rect': (Image, 10),
    'depth/image_rect': (Image, 10),
    'confidence/image': (Image, 10),
    'depth/camera_info': (CameraInfo, 10),
    'pose_with_covariance': (PoseWithCovarianceStamped, 10),
}


class Graph:
    """A viewer, and something that publishes as a node does."""

    def __init__(self, *words):
        rclpy.init(args=['--ros-args', '-p', 'port:=0', *words])
        self.viewer, self.camera = Viewer(), rclpy.create_node('vggt')
        self.page = self.viewer.page
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.viewer)
        self.executor.add_node(self.camera)
        self.send = {
            name: self.camera.create_publisher(kind, f'~/{name}', qos)
            for name, (kind, qos) in TOPICS.items()
        }
        self.send['/diagnostics'] = self.camera.create_publisher(
            DiagnosticArray, '/diagnostics', 10
        )
        self.spin(lambda: all(each.get_subscription_count() for each in self.send.values()))

    def spin(self, is_done):
        deadline = time.monotonic() + 20
        while not is_done():
            assert time.monotonic() < deadline
            self.executor.spin_once(timeout_sec=0.05)

    def show(self, places, tiles=(), sizes=None):
        """Publish submaps at places on the x axis, and tiles of so many points."""
        made = [
            SubmapTile(
                submap_id=each,
                points_in_submap=np.random.default_rng(each).normal(size=(count, 3)).astype('f4'),
                colors=np.zeros((count, 3), np.uint8),
                confidence=np.ones(count, np.float32),
            )
            for each, count in dict(tiles).items()
        ]
        ids = list(places)
        tiled = TiledMap(
            tiles=tuple(made),
            places={each: Sim3(1.0, np.eye(3), np.array([x, 0, 0])) for each, x in places.items()},
            segments=dict.fromkeys(places, 0),
            links=tuple(itertools.pairwise(ids)),
            loops=frozenset(),
            tick=1,
        )
        if made:
            self.send['map/submap_points'].publish(submap_messages.tiles_cloud(HEADER, made))
        sizes = {each.submap_id: len(each.confidence) for each in made} if sizes is None else sizes
        places_cloud = submap_messages.places_cloud(HEADER, tiled, sizes)
        self.send['map/submaps'].publish(places_cloud)
        self.send['map/graph'].publish(submap_messages.graph_marker(HEADER, tiled))

    def close(self):
        self.viewer.browser._server.stop()
        for node in (self.viewer, self.camera):
            node.destroy_node()
        rclpy.shutdown()


@pytest.fixture
def make_graph():
    made = []

    def make(*words):
        made.append(Graph(*words))
        return made[-1]

    yield make
    for each in made:
        each.close()


def drawn(graph):
    """Names of what is on the page."""
    graph.page.draw()
    return set(graph.viewer.browser._server.scene._handle_from_node_name)


def test_tiles_come_once_and_move_with_corrections(make_graph):
    graph = make_graph()
    graph.show({1: 0.0, 2: 5.0}, {1: 50, 2: 60})
    graph.spin(lambda: graph.page.sizes() == {1: 50, 2: 60} and len(graph.page._places) == 2)
    graph.spin(lambda: '/graph' in drawn(graph))
    assert graph.page.num_sent_bytes == 110 * 9
    graph.show({1: 0.0, 2: 6.0}, sizes={1: 50, 2: 60})
    graph.spin(lambda: graph.page.num_corrections == 1)
    drawn(graph)
    assert graph.page.num_sent_bytes == 110 * 9
    handle = graph.viewer.browser._server.scene._handle_from_node_name['/map/2_coarse']
    assert abs(handle.position[0] - 6.0) < 2.0


def test_a_reset_of_the_node_empties_the_page(make_graph):
    graph = make_graph()
    graph.show({1: 0.0}, {1: 50})
    graph.spin(lambda: graph.page.sizes() == {1: 50} and len(graph.page._places) == 1)
    drawn(graph)
    graph.show({})
    graph.spin(lambda: graph.page.sizes() == {})
    assert not {name for name in drawn(graph) if name.startswith('/map/')}


def test_images_depth_poses_and_cells_reach_the_page(make_graph, frame_result):
    graph = make_graph()
    result = frame_result(stamp_ns=STAMP_NS)
    camera_header = messages.header_of(STAMP_NS, 'cam')
    cells = OccupancyCells(
        cells=np.array([[0, 100]], np.int8), origin_xy_m=np.array([1.0, 2.0]), resolution_m=0.1
    )
    graph.send['occupancy'].publish(occupancy_grid(HEADER, cells))
    poses = StampedPoses(stamps_ns=np.array([STAMP_NS]), map_from_cam=result.map_from_cam[None])
    graph.send['path'].publish(messages.path('map', poses))
    graph.send['pose_with_covariance'].publish(
        messages.pose_with_covariance_stamped(HEADER, result.map_from_cam, result.covariance)
    )
    info = messages.camera_info(camera_header, result.K, 6, 4)
    graph.send['depth/camera_info'].publish(info)
    graph.spin(lambda: graph.viewer._K is not None)
    graph.send['rgb/image_rect'].publish(messages.rgb_image(camera_header, result.image))
    depth = messages.depth_image(camera_header, result.depth, '32FC1')
    graph.send['depth/image_rect'].publish(depth)
    confidence = messages.confidence_image(camera_header, result.confidence)
    graph.send['confidence/image'].publish(confidence)
    wanted = {'/floor', '/ellipses', f'/cameras/{STAMP_NS}'}
    graph.spin(lambda: wanted <= drawn(graph))
    pictures = graph.viewer.browser.panel._pictures
    graph.spin(lambda: set(pictures) == {'image', 'depth', 'confidence'})


def test_what_the_node_says_of_itself_is_on_the_panel(make_graph):
    graph = make_graph()
    said = {
        'state': 'tracking',
        'is_metric': 'true',
        'scale_source': 'odometry',
        'metres_per_unit_log_sigma': '0.02',
        'latency_p50_s': '0.5',
        'latency_p95_s': '0.8',
        'dropped.late': '7',
        'dropped.not_keyframe': '0',
    }
    values = [KeyValue(key=key, value=value) for key, value in said.items()]
    other = DiagnosticStatus(name='other: mapping', message='no')
    own = DiagnosticStatus(name='vggt: mapping', message='tracking', values=values)
    assert 'nothing was heard' in graph.viewer._state()['state']
    graph.send['/diagnostics'].publish(DiagnosticArray(status=[other, own]))
    graph.spin(lambda: graph.viewer._said)
    state = graph.viewer._state()
    assert state['state'] == 'tracking' and 'note' not in state
    assert state['scale'] == 'metric, from odometry, ± 2.0 %'
    assert state['dropped'] == 'late 7'
    assert len(graph.viewer._plots['latency, s']) == 1


def test_tiles_that_got_lost_are_asked_for_again(make_graph, monkeypatch):
    monkeypatch.setattr(viewer_module, '_TILE_PATIENCE_S', 0.3)
    graph = make_graph()
    before = graph.viewer._tiles
    graph.show({1: 0.0}, sizes={1: 50})
    graph.spin(lambda: graph.viewer._tiles is not before)
    topic = graph.send['map/submap_points']
    graph.spin(lambda: topic.get_subscription_count() == 1)
    graph.show({1: 0.0}, {1: 50})
    graph.spin(lambda: graph.page.sizes() == {1: 50})


def test_another_cloud_is_refused_and_changes_nothing(make_graph):
    graph = make_graph()
    graph.send['map/submap_points'].publish(PointCloud2(header=HEADER))
    graph.show({1: 0.0}, {1: 50})
    graph.spin(lambda: graph.page.sizes() == {1: 50})


def test_buttons_call_services_where_control_is_given(make_graph):
    graph = make_graph('-p', 'control:=true')
    called = []

    def answer(name):
        def serve(request, response):
            called.append((name, getattr(request, 'data', None)))
            response.success, response.message = True, f'{name} done'
            return response

        return serve

    graph.camera.create_service(Trigger, '~/reset', answer('reset'))
    graph.camera.create_service(SetBool, '~/enable', answer('enable'))
    answers = []
    actions = graph.viewer._actions()
    labels = {
        each.label
        for each in graph.viewer.browser._server.gui._gui_input_handle_from_uuid.values()
    }
    assert set(actions) <= labels

    def press():
        answers.extend(actions[label]() for label in ('reset', 'pause', 'go on'))

    thread = threading.Thread(target=press)
    thread.start()
    graph.spin(lambda: not thread.is_alive())
    assert called == [('reset', None), ('enable', False), ('enable', True)]
    assert answers == ['reset done', 'enable done', 'enable done']


def test_without_control_there_is_no_button_that_changes_the_node(make_graph):
    graph = make_graph()
    labels = {
        each.label
        for each in graph.viewer.browser._server.gui._gui_input_handle_from_uuid.values()
    }
    assert not labels & set(graph.viewer._actions())
