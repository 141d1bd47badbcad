import builtins
import shutil

import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.bag_reader import BagReader, is_bag

START_NS = 1_700_000_000_000_000_000


def three_images(messages):
    for index in range(4):
        pixels = np.full((3, 4), 10 * index, np.uint8)
        stamp_ns = START_NS + 10 * index
        yield '/image', stamp_ns + 500, messages.image(stamp_ns, pixels, 'mono8')
        if index % 2:
            yield '/odom', stamp_ns + 501, messages.odometry(stamp_ns, [index, 0, 0])


def test_every_kind_of_bag_has_the_same_messages(write_bag, bag_kind):
    path = write_bag(three_images, bag_kind)
    assert is_bag(path)
    with BagReader(path) as reader:
        assert {name: (t.type, t.num_messages) for name, t in reader.topics.items()} == {
            '/image': ('sensor_msgs/msg/Image', 4),
            '/odom': ('nav_msgs/msg/Odometry', 2),
        }
        found = list(reader.messages(['/image']))
        assert [each.log_ns - START_NS for each in found] == [500, 510, 520, 530]
        images = [reader.decode(each) for each in found]
        assert [int(image.data[0]) for image in images] == [0, 10, 20, 30]
        assert images[3].header.stamp.nanosec == 30
        assert images[0].header.frame_id == 'cam'
        assert reader.decode(reader.first('/odom')).pose.pose.position.x == 1.0
        both = [each.topic for each in reader.messages(['/image', '/odom'])]
        assert both == ['/image', '/image', '/odom', '/image', '/image', '/odom']


def test_other_paths_are_no_bags(tmp_path):
    (tmp_path / 'a.mp4').write_bytes(b'')
    assert not is_bag(tmp_path)
    assert not is_bag(tmp_path / 'a.mp4')
    assert not is_bag(tmp_path / 'gone.bag')
    with pytest.raises(SourceError, match=r'holds no bag; give a file \.bag, \.mcap, \.db3'):
        BagReader(tmp_path)


def test_a_missing_part_is_named_with_those_that_are_there(write_bag):
    path = write_bag(three_images, 'sqlite3')
    (file,) = path.glob('*.db3')
    text = (path / 'metadata.yaml').read_text()
    (path / 'metadata.yaml').write_text(
        text.replace(f'- {file.name}', f'- {file.name}\n    - gone.db3')
    )
    assert 'gone.db3' in (path / 'metadata.yaml').read_text()
    with (
        pytest.raises(SourceError, match=rf'gone\.db3.*those that are there:\n  {file}'),
        BagReader(path),
    ):
        pass


@pytest.mark.parametrize(
    ('kind', 'remedy'), [('ros1', 'rosbag reindex'), ('mcap_bare', 'mcap recover')]
)
def test_a_bag_that_is_cut_short_is_told_with_what_repairs_it(write_bag, kind, remedy):
    path = write_bag(three_images, kind)
    file = path if path.is_file() else next(path.iterdir())
    file.write_bytes(file.read_bytes()[:-60])
    with (
        pytest.raises(SourceError, match=rf'the bag .* cannot be read: .*{remedy}'),
        BagReader(file),
    ):
        pass


def test_bags_of_two_kinds_in_one_folder_are_listed(write_bag, tmp_path):
    first = write_bag(three_images, 'mcap_bare')
    shutil.copy(write_bag(three_images, 'ros1', 'old'), first)
    with pytest.raises(SourceError, match=r'bags of 2 kinds \(\.bag, \.mcap\); give one of\n  /'):
        BagReader(first)


def test_a_file_that_is_compressed_as_a_whole_needs_its_metadata(write_bag):
    path = write_bag(three_images, 'mcap_file')
    (file,) = path.glob('*.zstd')
    with pytest.raises(SourceError, match=r'is compressed as a whole; .* zstd -d walk_0\.mcap'):
        BagReader(file)


def test_room_is_needed_where_files_are_decompressed(write_bag, monkeypatch):
    path = write_bag(three_images, 'sqlite3_file')
    monkeypatch.setattr(
        'vggt_ros.sources.bag_reader.shutil.disk_usage',
        lambda path: shutil._ntuple_diskusage(9, 9, 5),
    )
    with (
        pytest.raises(SourceError, match=r'bytes compressed, and .* has 5 free; set TMPDIR'),
        BagReader(path),
    ):
        pass


def test_messages_that_sqlite_has_not_written_yet_are_told(write_bag):
    path = write_bag(three_images, 'sqlite3')
    (file,) = path.glob('*.db3')
    (path / f'{file.name}-wal').write_bytes(b'pages')
    with BagReader(path) as reader:
        assert any('-wal holds messages that are not read' in note for note in reader.notes)


def test_without_the_library_its_name_is_told(write_bag, monkeypatch):
    path = write_bag(three_images, 'mcap')
    importing = builtins.__import__

    def without(name, *rest):
        if name.startswith('rosbags'):
            raise ModuleNotFoundError(name)
        return importing(name, *rest)

    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(SourceError, match=r"pip install 'vggt_ros\[offline\]'"), BagReader(path):
        pass


def test_bytes_that_are_no_message_are_an_error(write_bag):
    with BagReader(write_bag(three_images, 'mcap')) as reader:
        message = reader.first('/image')
        broken = type(message)(topic='/image', log_ns=1, raw=message.raw[:30])
        with pytest.raises(SourceError, match='cannot be read'):
            reader.decode(broken)


def test_types_that_are_not_known_do_no_harm_unless_they_are_read(write_bag, tmp_path):
    from rosbags.rosbag2 import StoragePlugin, Writer

    path = tmp_path / 'vendor'
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection(
            '/lidar', 'vendor_msgs/msg/Packet', msgdef='uint8 x', rihs01='RIHS01_00'
        )
        writer.write(connection, 1, b'\0\1\0\0\5')
    with BagReader(path) as reader:
        message = reader.first('/lidar')
        with pytest.raises(SourceError, match=r'/lidar in .* type vendor_msgs/msg/Packet, which'):
            reader.decode(message)
