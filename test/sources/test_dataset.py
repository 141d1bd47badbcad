from dataclasses import replace

import cv2
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.geometry.lens import distort_image, Lens
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.frame_picker import FrameChoice
from vggt_ros.sources.source import Distortion, Source

D = np.array([-0.28, 0.07, 0.0002, 0.00002])


@pytest.fixture
def records(views, tmp_path):
    found = []
    for index, image in enumerate(views.images[:3]):
        path = tmp_path / f'{index}.png'
        cv2.imwrite(str(path), image[..., ::-1])
        depth = np.kron(views.depth[index], np.ones((2, 2), np.float32))
        found.append(
            DatasetRecord(
                image=path,
                stamp_ns=1000 - index,  # the last one comes first
                K=views.K,
                read_depth=None if index == 1 else (lambda depth=depth: depth),
                world_from_cam=None if index == 1 else views.world_from_cam[index],
            )
        )
    return found


def test_images_come_in_the_order_of_their_stamps_with_what_is_known(records, views):
    dataset = Dataset('hall', 'rgbd', records)
    assert isinstance(dataset, Source)
    frames = list(dataset)
    assert [frame.stamp_ns for frame in frames] == [998, 999, 1000]
    np.testing.assert_array_equal(frames[0].image, views.images[2])
    np.testing.assert_array_equal(frames[0].world_from_cam, views.world_from_cam[2])
    assert frames[1].depth is None
    assert frames[1].world_from_cam is None
    assert np.isfinite(dataset.world_from_cam).all(axis=(1, 2)).tolist() == [True, False, True]
    assert dataset.num_depths == 2
    assert dataset.rate_hz is None
    assert dataset.has_time


def test_a_selection_has_the_same_images(records):
    dataset = Dataset('hall', 'rgbd', records, rate_hz=5.0)
    part = dataset.select([0, 2])
    assert part.stamps_ns.tolist() == [998, 1000]
    assert part.rate_hz == 5.0
    np.testing.assert_array_equal(part.frame(1).image, dataset.frame(2).image)


def test_images_of_a_lens_come_out_as_those_of_a_pinhole_camera(records, views, tmp_path):
    lens = Lens(model='plumb_bob', K=views.K, D=D, K_rect=None, width=168, height=128)
    cv2.imwrite(str(tmp_path / '0.png'), distort_image(lens, views.images[0], views.K)[..., ::-1])
    dataset = Dataset('hall', 'tum', records, distortion=Distortion(model='plumb_bob', D=D))
    frame = dataset.frame(2)
    # Where the pinhole camera and the rectified one see the same ray they show the same.
    v, u = np.mgrid[10:118, 10:158]
    rays = (np.stack([u, v], axis=-1) - frame.K[:2, 2]) / np.diag(frame.K)[:2]
    at = (rays * np.diag(views.K)[:2] + views.K[:2, 2]).astype(np.float32)
    expected = cv2.remap(views.images[0], at, None, cv2.INTER_LINEAR)
    is_inside = ((at > 2) & (at < [164, 124])).all(axis=-1)
    off = np.abs(frame.image[10:118, 10:158].astype(int) - expected)[is_inside]
    raw = np.abs(views.images[0][10:118, 10:158].astype(int) - expected)[is_inside]
    assert np.median(off) < 0.3 * np.median(raw)
    assert frame.depth.shape == (128, 168)


def test_depth_of_another_size_than_the_image_of_a_lens_is_refused(records, views):
    wrong = DatasetRecord(
        image=records[0].image, stamp_ns=1, K=views.K, read_depth=lambda: views.depth[0]
    )
    dataset = Dataset('hall', 'tum', [wrong], distortion=Distortion(model='plumb_bob', D=D))
    with pytest.raises(SourceError, match='84 x 64, the image 168 x 128'):
        dataset.frame(0)


def test_a_lens_that_makes_no_sense_is_refused(records):
    strange = Distortion(model='plumb_bob', D=np.array([9e9, 0, 0, 0]))
    with pytest.raises(SourceError, match='calibration of hall'):
        Dataset('hall', 'tum', records, distortion=strange).frame(0)


def test_no_images_and_equal_stamps_are_refused(records):
    with pytest.raises(SourceError, match='no images'):
        Dataset('hall', 'tum', [])
    with pytest.raises(SourceError, match='two images with the stamp 1000 ns'):
        Dataset('hall', 'tum', [records[0], records[0]])


def test_frames_are_picked_without_reading_the_others(records):
    records[1].image.unlink()  # stamped 999, the second of three
    dataset = Dataset('hall', 'rgbd', records)
    picked = list(dataset.frames(FrameChoice(every=2).picker()))
    assert [frame.stamp_ns for frame in picked] == [998, 1000]
    assert len(list(dataset.frames(FrameChoice(max_frames=1).picker()))) == 1


def test_another_calibration_overrules(records, views):
    distortion = Distortion(model='plumb_bob', D=D)
    dataset = Dataset('hall', 'tum', records, distortion=distortion, truth='the camera')
    K = views.K.copy()
    K[0, 0] += 7
    changed = dataset.calibrated(Calibration(K=K))
    np.testing.assert_array_equal(changed.frame(0).K, K)
    assert changed.truth == 'the camera'
    again = changed.calibrated(Calibration(K=views.K, distortion=distortion))
    np.testing.assert_array_equal(again.frame(0).K, dataset.frame(0).K)
    assert again.frame(0).K[0, 0] < views.K[0, 0]
    with pytest.raises(SourceError, match='is of images of 20 x 10, those of hall have 168 x 128'):
        dataset.calibrated(Calibration(K=K, size=(20, 10)))


def test_a_lens_of_one_image_counts_before_that_of_all(records):
    own = replace(records[0], distortion=Distortion(model='plumb_bob', D=-D))
    all_of_them = Distortion(model='plumb_bob', D=D)
    dataset = Dataset('hall', 'tum', [own, *records[1:]], distortion=all_of_them)
    frames = list(dataset)
    assert frames[2].K[0, 0] != frames[1].K[0, 0] == frames[0].K[0, 0]


def test_what_was_left_out_is_counted_and_said_when_nothing_is_left(records):
    assert Dataset('hall', 'tum', records, drops={'missing_file': 2, 'other': 0}).drops == {
        'missing_file': 2
    }
    with pytest.raises(SourceError, match=r'no images \(3 left out: missing_file\)'):
        Dataset('hall', 'tum', [], drops={'missing_file': 3})


def test_a_truth_that_no_image_has_is_none(records):
    assert Dataset('hall', 'tum', records, truth='the body').truth == 'the body'
    assert Dataset('hall', 'tum', [records[1]], truth='the body').truth == ''


def test_a_stamp_beyond_all_times_is_refused(records):
    with pytest.raises(SourceError, match='hall has an image with an impossible time'):
        Dataset('hall', 'tum', [replace(records[0], stamp_ns=2**70)])
