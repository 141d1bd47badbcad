import numpy as np
import pytest

from vggt_ros.errors import ConfigError, OptionError, SourceError
from vggt_ros.sources.bag import Bag
from vggt_ros.sources.dataset import Dataset
from vggt_ros.sources.detection import KINDS, open_sequence
from vggt_ros.sources.image_folder import ImageFolder
from vggt_ros.sources.video import Video


def walk(m):
    for index in range(3):
        pixels = np.full((48, 64, 3), index, np.uint8)
        yield '/cam/image', index + 1, m.image(1000 + index, pixels)


def test_what_a_path_holds_is_told_by_its_content(rgbd_folder, make_folder, make_video, write_bag):
    found = {
        Dataset: open_sequence(rgbd_folder),
        ImageFolder: open_sequence(str(make_folder(['1.png', '2.png']))),
        Video: open_sequence(make_video()),
        Bag: open_sequence(write_bag(walk)),
    }
    for kind, sequence in found.items():
        assert isinstance(sequence.recording, kind)
        assert sequence.layout in KINDS
        assert len(list(sequence)) == sequence.num_frames


@pytest.mark.parametrize('kind', ['ros1', 'mcap_bare', 'sqlite3_bare', 'mcap_split'])
def test_bags_are_told_as_files_and_as_folders(write_bag, kind):
    path = write_bag(walk, kind)
    assert open_sequence(path).layout == 'bag'
    if path.is_dir():
        assert open_sequence(next(path.iterdir())).layout == 'bag'


def test_a_file_that_stands_for_its_folder_is_enough(write_bag):
    assert open_sequence(write_bag(walk, 'sqlite3') / 'metadata.yaml').num_frames == 3


def test_a_part_is_chosen(make_folder):
    folder = make_folder([f'{i}.png' for i in range(20)])
    sequence = open_sequence(folder, start_s=0.5, stop_s=1.5, every=2, max_frames=3)
    assert [int(frame.image[0, 0, 0]) for frame in sequence] == [5, 7, 9]
    with pytest.raises(ConfigError, match='give one of them'):
        open_sequence(folder, every=2, fps=1.0)


def test_a_calibration_file_overrules(make_video, write_bag, tmp_path):
    file = tmp_path / 'camera.txt'
    file.write_text('61 62 31 23')
    for path in (make_video(), write_bag(walk)):
        frame = next(iter(open_sequence(path, calibration=file)))
        np.testing.assert_array_equal(frame.K, [[61, 0, 31], [0, 62, 23], [0, 0, 1]])
    file.write_text('61 62 310 23')
    with pytest.raises(SourceError, match=r'camera\.txt has the principal point \(310, 23\)'):
        open_sequence(make_video(), calibration=file)


def test_options_reach_a_bag(write_bag):
    def messages(m):
        yield from walk(m)
        yield '/other/image', 9, m.image(1000, np.zeros((48, 64, 3), np.uint8))
        for index in range(2):
            yield '/odom', index + 1, m.odometry(1000 + index, (index, 0, 0), child='cam')

    path = write_bag(messages)
    sequence = open_sequence(
        path, topics=['/cam/image'], odometry_topic='/odom', truth_topic='/odom'
    )
    frames = list(sequence)
    assert frames[1].odom_from_base[0, 3] == 1
    assert frames[1].world_from_cam[0, 3] == 1
    with pytest.raises(SourceError, match=r'give one of\n  --topic /cam/image    # 3 of 64 x 48'):
        open_sequence(path)


def test_a_camera_of_a_data_set_is_asked_for(tmp_path, write_image):
    for side in ('left', 'right'):
        write_image(f'P000/image_{side}/0_{side}.png', size=(640, 480))
        (tmp_path / f'P000/pose_{side}.txt').write_text('0 0 0 0 0 0 1')
    assert open_sequence(tmp_path / 'P000', camera=1).cameras == ('right',)


def test_several_sequences_are_listed_to_copy(tmp_path, write_image):
    for index in (1, 2, 10):
        write_image(f'chess/seq-{index}/frame-000000.color.png')
    (tmp_path / 'tour.mp4').write_bytes(b'')
    with pytest.raises(SourceError) as info:
        open_sequence(tmp_path)
    assert str(info.value).splitlines() == [
        f'{tmp_path} holds 4 recordings; give one of',
        *(f'  {tmp_path}/chess/seq-{index}' for index in (1, 2, 10)),
        f'  {tmp_path}/tour.mp4',
    ]


def test_flights_below_a_folder_are_listed(tmp_path):
    for name in ('MH_01', 'MH_02'):
        (tmp_path / name / 'mav0/cam0').mkdir(parents=True)
        (tmp_path / name / 'mav0/cam0/data.csv').write_text('')
    with pytest.raises(SourceError, match=r'2 recordings; give one of\n  .*/MH_01\n  .*/MH_02$'):
        open_sequence(tmp_path)


def test_videos_folders_of_images_and_bags_below_a_folder_are_listed(
    make_video, write_bag, write_image, tmp_path
):
    make_video()
    write_image('photos/1.png')
    write_bag(walk, 'sqlite3')
    with pytest.raises(SourceError) as info:
        open_sequence(tmp_path)
    names = [line.rpartition('/')[2] for line in str(info.value).splitlines()[1:]]
    assert names == ['clip.avi', 'photos', 'walk_0']


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        ({'layout': 'nuscenes'}, "no layout 'nuscenes'; known are images, video, bag, rgbd"),
        ({'layout': 'kitti'}, 'not of the layout kitti'),
        ({'topics': ['/a']}, 'is of the kind images; topics are of bags'),
        ({'truth_topic': '/a'}, 'topics are of bags'),
        ({'camera': 1}, 'cameras have no numbers there; it has one'),
    ],
)
def test_options_of_another_kind_are_refused(make_folder, options, match):
    with pytest.raises(SourceError, match=match):
        open_sequence(make_folder(['1.png', '2.png']), **options)


def test_a_rate_is_refused_where_there_is_time(write_bag, write_image, tmp_path):
    with pytest.raises(SourceError, match='carries its own time; leave out the rate of 5 Hz'):
        open_sequence(write_bag(walk), rate_hz=5.0)
    (tmp_path / 'rgb.txt').write_text('1.0 color/1.png')
    write_image('color/1.png')
    with pytest.raises(SourceError, match='carries its own time'):
        open_sequence(tmp_path, layout='tum', rate_hz=5.0)


def test_a_layout_can_be_named(tmp_path, write_image):
    write_image('color/1.png')
    (tmp_path / 'pose.txt').write_text('0 0 0 0 0 0 1')
    (tmp_path / 'rgb.txt').write_text('1.0 color/1.png')
    with pytest.raises(SourceError, match=r'2 layouts, rgbd, tum; name one of them \(--format\)'):
        open_sequence(tmp_path)
    assert open_sequence(tmp_path, layout='tum').layout == 'tum'
    assert open_sequence(tmp_path / 'color', layout='images').layout == 'images'


def test_nothing_to_read_is_an_error_that_says_what_there_could_be(tmp_path):
    with pytest.raises(SourceError, match=r'no data set .* no bag, no images and no video'):
        open_sequence(tmp_path)
    with pytest.raises(SourceError, match=r'nothing to read at .* give a data set, a bag'):
        open_sequence(tmp_path / 'gone')
    (tmp_path / 'a.png').write_bytes(b'')
    with pytest.raises(SourceError, match='is a single image'):
        open_sequence(tmp_path / 'a.png')


@pytest.mark.parametrize(
    ('words', 'match'),
    [
        ({'topics': ['/other']}, 'has no images on /other'),
        ({'topics': ['/cam', '/cam']}, 'names a topic twice'),
        ({'depth_topic': '/cam'}, 'has no depth on /cam'),
        ({'odometry_topic': '/odom'}, '/odom has no poses'),
        ({'odometry_topic': '/tf'}, 'do not lead from'),
        ({'truth_topic': '/odom'}, '/odom has no poses'),
        ({'camera': 0}, 'cameras have no numbers there; give topics'),
        ({'rate_hz': 10.0}, 'carries its own time; leave out the rate'),
        ({'layout': 'tum'}, 'not a folder|not of the layout tum'),
    ],
)
def test_options_that_do_not_fit_a_bag_are_wrong_options(write_bag, words, match):
    def messages(m):
        image = np.zeros((4, 6, 3), np.uint8)
        yield from (('/cam', t, m.image(t, image)) for t in (1, 2))

    with pytest.raises(OptionError, match=match):
        open_sequence(write_bag(messages), **words)
