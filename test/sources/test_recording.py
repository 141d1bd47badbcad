import pytest

from vggt_ros.sources.dataset_formats import open_dataset
from vggt_ros.sources.image_folder import ImageFolder
from vggt_ros.sources.recording import Recording
from vggt_ros.sources.video import Video


@pytest.fixture
def recordings(rgbd_folder, make_folder, make_video):
    return [
        open_dataset(rgbd_folder),
        ImageFolder(make_folder(['1.png', '2.png'])),
        Video(make_video(num_frames=3)),
    ]


def test_data_sets_folders_and_videos_are_recordings(recordings):
    assert all(isinstance(recording, Recording) for recording in recordings)
    assert [recording.layout for recording in recordings] == ['rgbd', 'images', 'video']


def test_what_they_say_beforehand_is_what_comes(recordings):
    for recording in recordings:
        frames = list(recording)
        assert len(frames) == recording.num_frames
        height, width = frames[0].image.shape[:2]
        assert recording.size == (width, height)
        assert (recording.K is None) == (frames[0].K is None)
        assert recording.num_depths == sum(frame.depth is not None for frame in frames)
        assert bool(recording.truth) == any(f.world_from_cam is not None for f in frames)
        if recording.stamps_ns is not None:
            assert recording.stamps_ns.tolist() == [frame.stamp_ns for frame in frames]
