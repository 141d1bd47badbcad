import numpy as np
import pytest


@pytest.fixture
def frame_result(rng):
    """Make a FrameResult of small, distinct numbers; every third point is not kept."""
    from vggt_ros.mapping.frontend.frame import Frame
    from vggt_ros.mapping.layers.map_update import FrameResult, FrameTracks

    def make(height=4, width=6, stamp_ns=1_700_000_000_123_456_789, num_tracks=0):
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        keep = np.arange(height * width).reshape(height, width) % 3 != 0
        map_from_cam = np.eye(4)
        map_from_cam[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]  # 90 degrees about z
        map_from_cam[:3, 3] = 1.0, 2.0, 3.0
        tracks = None
        if num_tracks:
            tracks = FrameTracks(
                ids=(1000 + np.arange(num_tracks)).astype(np.uint32),
                uv=rng.uniform(0, 5, (num_tracks, 2)).astype(np.float32),
                points_in_cam=rng.normal(size=(num_tracks, 3)).astype(np.float32),
                visibility=rng.uniform(0, 1, num_tracks).astype(np.float32),
                confidence=rng.uniform(0, 1, num_tracks).astype(np.float32),
            )
        return FrameResult(
            frame=Frame(id=3, stamp_ns=stamp_ns, camera_frame='cam_optical', image=image),
            image=image,
            depth=rng.uniform(0.5, 4, (height, width)).astype(np.float32),
            confidence=rng.uniform(1, 9, (height, width)).astype(np.float32),
            points_in_cam=rng.normal(size=(height, width, 3)).astype(np.float32),
            keep=keep,
            K=np.array([[100.0, 0.0, 3.0], [0.0, 110.0, 2.0], [0.0, 0.0, 1.0]]),
            K_image=np.array([[200.0, 0.0, 6.0], [0.0, 220.0, 4.0], [0.0, 0.0, 1.0]]),
            map_from_cam=map_from_cam,
            covariance=np.diag([0.01, 0.02, 0.03, 0.1, 0.2, 0.3]),
            tracks=tracks,
        )

    return make


@pytest.fixture
def tree(make_node):
    """Broadcast hand-made transforms as another node does, and spin until they arrive."""
    from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

    from vggt_ros.ros.middleware.messages import header_of, transform

    node = make_node('tree')
    moving, static = TransformBroadcaster(node), StaticTransformBroadcaster(node)

    class Tree:
        """Sends where frames are."""

        def static(self, parent, child, parent_from_child):
            static.sendTransform(transform(header_of(0, parent), child, parent_from_child))

        def moving(self, parent, child, parent_from_child, stamp_ns):
            header = header_of(stamp_ns, parent)
            moving.sendTransform(transform(header, child, parent_from_child))

    made = Tree()
    made.node = node
    return made


@pytest.fixture
def make_update():
    """Make what a window brought of some frame results; numbers are those of a good window."""
    from vggt_ros.mapping.layers.map_update import MapUpdate
    from vggt_ros.mapping.registration.metric_scale import ScaleState

    def make(results, *, is_metric=True, meters_per_unit=1.0, log_sigma=0.1):
        return MapUpdate(
            new_frames=tuple(results),
            window_map_from_cam=np.stack([result.map_from_cam for result in results]),
            scale=1.0,
            scale_residual=0.0,
            focal_ratio=1.0,
            latency_s=0.1,
            scale_state=ScaleState(
                is_metric=is_metric,
                meters_per_unit=meters_per_unit,
                log_sigma=log_sigma,
                source='odometry',
            ),
            depth_ratio=1.0,
            correction=None,
            is_connected=True,
        )

    return make
