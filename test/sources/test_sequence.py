import json

import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.bag import Bag
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.dataset import Dataset
from vggt_ros.sources.dataset_formats import open_dataset
from vggt_ros.sources.frame_picker import FrameChoice
from vggt_ros.sources.image_folder import ImageFolder
from vggt_ros.sources.sequence import FrameSequence
from vggt_ros.sources.source import Distortion, Source
from vggt_ros.sources.video import Video

K = np.array([[60.0, 0, 31.5], [0, 60, 23.5], [0, 0, 1]])


def test_of_a_data_set_stamps_and_truth_are_those_of_the_part(rgbd_folder, views):
    sequence = FrameSequence(open_dataset(rgbd_folder), FrameChoice(every=3, start_s=0.1))
    assert isinstance(sequence, Source)
    assert isinstance(sequence.recording, Dataset)
    assert sequence.num_frames == 3
    np.testing.assert_allclose(sequence.world_from_cam, views.world_from_cam[[1, 4, 7]], atol=1e-9)
    frames = list(sequence)
    assert sequence.stamps_ns.tolist() == [frame.stamp_ns for frame in frames]
    np.testing.assert_array_equal(frames[2].image, views.images[7])
    np.testing.assert_array_equal(sequence.recording.frame(2).image, views.images[7])


def test_of_images_the_number_is_known_beforehand(make_folder):
    folder = make_folder([f'{i}.png' for i in range(10)])
    sequence = FrameSequence(ImageFolder(folder), FrameChoice(fps=3.0, max_frames=2))
    assert sequence.num_frames == 2
    assert [int(frame.image[0, 0, 0]) for frame in sequence] == [0, 4]
    assert sequence.world_from_cam is None


@pytest.mark.parametrize(
    ('choice', 'promised', 'num_frames'),
    [
        ({}, 6, 6),
        ({'every': 4}, 2, 2),
        ({'max_frames': 5}, 5, 5),
        ({'every': 2, 'max_frames': 9}, 3, 3),
        ({'stop_s': 0.2}, None, 3),
        ({'fps': 6.0}, None, 3),
    ],
)
def test_of_a_video_it_is_known_unless_it_depends_on_times(
    make_video, choice, promised, num_frames
):
    sequence = FrameSequence(Video(make_video(num_frames=6)), FrameChoice(**choice))
    assert sequence.num_frames == promised
    assert len(list(sequence)) == num_frames
    assert sequence.stamps_ns is None


def test_of_a_bag_with_several_cameras_it_is_known_for_all_of_them(write_bag):
    def messages(m):
        for index in range(3):
            for name in ('/l', '/r'):
                yield name, index, m.image(100 + index, np.zeros((4, 6), np.uint8), 'mono8')

    bag = Bag(write_bag(messages), topics=['/l', '/r'])
    assert FrameSequence(bag, FrameChoice()).num_frames == 6
    part = FrameSequence(bag, FrameChoice(max_frames=2))
    assert part.num_frames is None
    assert [frame.camera for frame in part] == [0, 1, 0, 1]


def test_a_calibration_is_given_to_each_frame_and_undoes_the_lens(make_video):
    plain = Calibration(K=K)
    sequence = FrameSequence(Video(make_video(num_frames=2)), FrameChoice(), plain)
    np.testing.assert_array_equal(sequence.K, K)
    for frame in sequence:
        np.testing.assert_array_equal(frame.K, K)
    bent = Calibration(K=K, distortion=Distortion(model='plumb_bob', D=np.array([-0.2, 0, 0, 0])))
    frame = next(iter(FrameSequence(Video(make_video(num_frames=2)), FrameChoice(), bent)))
    assert frame.K[0, 0] < 60
    assert frame.distortion is None


def test_a_calibration_overrules_that_of_a_data_set(rgbd_folder, views):
    K_other = views.K + np.diag([5.0, 5, 0])
    sequence = FrameSequence(open_dataset(rgbd_folder), FrameChoice(), Calibration(K=K_other))
    np.testing.assert_array_equal(sequence.K, K_other)
    np.testing.assert_array_equal(next(iter(sequence)).K, K_other)


def test_the_calibration_of_other_images_is_refused_before_anything_is_read(make_video):
    with pytest.raises(SourceError, match=r'of 640 x 480, those of clip\.avi have 64 x 48'):
        FrameSequence(Video(make_video()), FrameChoice(), Calibration(K=K, size=(640, 480)))


def test_a_start_after_the_end_is_refused(make_folder):
    source = ImageFolder(make_folder(['1.png', '2.png']))
    with pytest.raises(SourceError, match=r'is 0\.100 s long, and no frame is wanted from 5\.0 s'):
        FrameSequence(source, FrameChoice(start_s=5.0))


def test_facts_are_json_with_the_gaps(make_folder):
    names = [f'{1700000000 + t:.3f}.png' for t in (0.0, 0.1, 0.2, 0.9, 1.0)]
    facts = FrameSequence(ImageFolder(make_folder(names)), FrameChoice()).facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts['num_frames'] == 5
    assert facts['first_stamp_ns'] == 1_700_000_000 * 10**9
    assert facts['duration_s'] == pytest.approx(1.0)
    assert facts['gaps'] == [{'after_s': pytest.approx(0.2), 'length_s': pytest.approx(0.7)}]
    assert facts['intrinsics'] is facts['truth'] is facts['num_true_poses'] is None
    assert (facts['layout'], facts['size'], facts['has_time']) == ('images', [8, 6], True)


def test_facts_tell_the_camera_depth_and_truth_of_a_data_set(rgbd_folder, views):
    (rgbd_folder / 'depth/3.png').unlink()
    facts = FrameSequence(open_dataset(rgbd_folder), FrameChoice(max_frames=5)).facts()
    assert facts['intrinsics']['fx'] == views.K[0, 0]
    assert facts['num_depths'] == 4
    assert facts['num_true_poses'] == 5
    assert facts['truth'] == 'the camera'
    assert facts['rate_hz'] == 10.0


def test_facts_of_a_video_leave_open_what_is_known_at_the_end(make_video):
    facts = FrameSequence(Video(make_video()), FrameChoice()).facts()
    assert facts['first_stamp_ns'] is facts['duration_s'] is facts['gaps'] is None
    assert facts['num_frames'] == 6
    assert json.dumps(facts)
