from dataclasses import replace
import json

import cv2
import numpy as np
import pytest

from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.offline import outputs
from vggt_ros.offline.folder_run import run_into_folder, RunOptions
from vggt_ros.offline.frame_poses import FramePoses
from vggt_ros.offline.shards.cutting import cut
from vggt_ros.offline.shards.join_run import join_into_folder, ShardRun
from vggt_ros.offline.shards.shard_files import read_shard, SHARD, ShardFiles
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.frame_picker import FrameChoice
from vggt_ros.sources.sequence import FrameSequence
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import Errors, SimulatedPredictor

# Seven frames have a window of four keyframes.
NUM_SHARDS, OVERLAP = 4, 7
VALUES = {'keyframe.min_parallax': 6.0, 'window.size': 4, 'window.overlap': 2}
VALUES |= {'refine.mode': 'off', 'loop.enable': False}


class Picked:
    """Frames of a course as a recording of which a part can be wanted."""

    name, layout, cameras, has_time = 'walk', 'rgbd', ('rgb',), True
    size = stamps_ns = world_from_cam = K = num_depths = rate_hz = None
    truth, notes = 'poses of the camera', ()

    def __init__(self, source):
        self.source, self.drops = source, {}

    @property
    def num_frames(self):
        return self.source.num_frames

    def __iter__(self):
        return iter(self.source)

    def frames(self, picker):
        return (frame for frame in self.source if picker.takes(frame.stamp_ns))


class Sharded:
    """A course, mapped whole and as shards by a network that errs as VGGT does."""

    def __init__(self, source, folder, backbone_type):
        self.source, self.folder, self._backbone_type = source, folder, backbone_type
        self.course = source.course
        self.config = with_values(VggtConfig(), VALUES)
        (folder / 'in').mkdir()
        ranges = cut(source.num_frames, source.num_frames // NUM_SHARDS, OVERLAP)
        self.whole = self._mapped('whole', 0, None)
        self.runs = []
        for number, each in enumerate(ranges):
            shard = self._mapped(f'{number}', each.first, each.count, is_shard=True, depth=True)
            self.runs.append(ShardRun(frames=each, folder=shard.folder))

    @property
    def shards(self):
        return [read_shard(run.folder) for run in self.runs]

    def sequence(self, first=0, count=None):
        choice = FrameChoice(skip_frames=first, max_frames=count)
        return FrameSequence(Picked(self.source), choice, path=self.folder / 'in')

    def joined(self, target, runs=None, **options):
        options = RunOptions(refine_globally=False, **options)
        runs = self.runs if runs is None else runs
        return join_into_folder(self.sequence(), runs, self.config, target, options)

    def _mapped(self, name, first, count, **options):
        backbone = self._backbone_type(self.course)
        simulated = SimulatedPredictor(self.course, Errors(outliers=0.0, failures=0.0), first)
        backbone.predict = lambda images, request, *, frame_ids=None: simulated.predict(
            images, request, frame_ids=[i + first for i in frame_ids]
        )
        return run_into_folder(
            self.sequence(first, count),
            self.config,
            self.folder / name,
            RunOptions(refine_globally=False, **options),
            load=lambda settings: backbone,
        )


@pytest.fixture(scope='session')
def sharded(finer, backbone_type, source_type, tmp_path_factory):
    """Four shards of 57 frames, and the same course mapped whole."""
    course = make_course('figure_eight', 40, 0).with_pictures(width=84, height=64, image_scale=2)
    course = replace(course, world_from_cam=course.world_from_cam[:29])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outputs, 'draw_pictures', _one_pixel)
        source = source_type(finer(course, 2))
        return Sharded(source, tmp_path_factory.mktemp('sharded'), backbone_type)


def _one_pixel(result, folder, title):
    cv2.imwrite(str(folder / 'overview.png'), np.zeros((1, 1, 3), np.uint8))
    return ('overview.png',)


@pytest.fixture
def stored_shard(make_room, uniform_keyframe, mapped, tmp_path):
    """Write and read a shard all of whose frames are keyframes in a room."""
    room = make_room(5)
    K = room.keyframe(np.eye(4)).K

    def make(name, true_poses, first=0, *, moved=None, unit=1.0, is_metric=False, descriptors=0):
        """Frames `first`...; its map has `moved` poses, and lengths in units of 1 / `unit` m."""
        files = ShardFiles(tmp_path / name / SHARD)
        for number, pose in enumerate(true_poses):
            result = uniform_keyframe(number % 20, (0.0, 0.0, 2.0))
            frame = replace(result.frame, id=number, K=K)
            looks = np.ones(descriptors, np.float32)
            files.add(replace(result, frame=frame, descriptor=looks), room.keyframe(pose, unit))
        count = len(true_poses)
        poses = np.array(true_poses if moved is None else moved)
        poses[:, :3, 3] *= unit
        files.finish(
            replace(
                mapped,
                poses=FramePoses(
                    stamps_ns=10**9 * np.arange(first, first + count),
                    map_from_cam=poses,
                    kind=('keyframe',) * count,
                ),
                keyframes=np.arange(count),
                segments=np.zeros(count, np.int64),
                growth=np.ones(count),
                views=tuple(
                    CameraView(stamp_ns=1, map_from_cam=pose, K=K, width=320, height=240)
                    for pose in poses
                ),
                truth=None,
                samples=(),
            )
        )
        scale = {'is_metric': is_metric, 'meters_per_unit': None, 'log_sigma': None, 'source': ''}
        (tmp_path / name / 'run.json').write_text(json.dumps({'scale': scale}))
        return read_shard(tmp_path / name)

    return make
