from pathlib import Path

import pytest

from vggt_ros.errors import ConfigError, SourceError
from vggt_ros.sources.dataset_formats import LAYOUTS, layouts_of, open_dataset, sequences_in


def test_a_layout_is_told_by_its_files(rgbd_folder):
    assert open_dataset(rgbd_folder).layout == 'rgbd'


def test_the_folder_that_one_is_in_has_its_name(rgbd_folder, monkeypatch):
    monkeypatch.chdir(rgbd_folder)
    assert open_dataset(Path()).name == 'hall'


def test_files_of_two_layouts_need_a_name(rgbd_folder):
    (rgbd_folder / 'rgb.txt').write_text('1.0 color/0.png')
    with pytest.raises(SourceError, match=r'2 layouts, rgbd, tum; name one of them \(--format\)'):
        open_dataset(rgbd_folder)
    assert open_dataset(rgbd_folder, layout='tum').layout == 'tum'
    assert open_dataset(rgbd_folder, layout='rgbd').layout == 'rgbd'


def test_a_folder_of_no_layout_is_refused_with_those_that_are_known(tmp_path):
    with pytest.raises(SourceError, match='no data set of a known layout') as refused:
        open_dataset(tmp_path)
    assert all(layout in str(refused.value) for layout in LAYOUTS)


def test_a_name_that_does_not_fit_is_refused(rgbd_folder, tmp_path):
    with pytest.raises(SourceError, match='not of the layout euroc: mav0/cam0'):
        open_dataset(rgbd_folder, layout='euroc')
    with pytest.raises(SourceError, match="no layout 'nuscenes'"):
        open_dataset(rgbd_folder, layout='nuscenes')
    with pytest.raises(SourceError, match='not a folder'):
        open_dataset(tmp_path / 'none')
    with pytest.raises(ConfigError, match='rate'):
        open_dataset(rgbd_folder, rate_hz=0.0)


def test_a_camera_is_asked_for_where_a_layout_has_several(rgbd_folder, tmp_path, write_image):
    with pytest.raises(SourceError, match='layout rgbd, which has one camera; leave out the'):
        open_dataset(rgbd_folder, camera=1)
    for camera in (0, 2):
        write_image(f'sequences/00/image_{camera}/000000.png')
    folder = tmp_path / 'sequences/00'
    (folder / 'times.txt').write_text('0.0')
    (folder / 'calib.txt').write_text(
        ''.join(f'P{c}: 70 0 31 0 0 70 23 0 0 0 1 0\n' for c in (0, 2))
    )
    assert open_dataset(folder).cameras == ('image_2',)
    assert open_dataset(folder, camera=0).cameras == ('image_0',)


def test_sequences_below_a_folder_are_found_in_order(tmp_path):
    for name in ('chess/seq-10', 'chess/seq-2', 'fire/deep/er/seq-01', '.hidden/seq-1', 'empty'):
        (tmp_path / name).mkdir(parents=True)
        if name != 'empty':
            (tmp_path / name / 'frame-000000.color.png').write_bytes(b'')
    found = sequences_in(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == ['chess/seq-2', 'chess/seq-10']
    assert layouts_of(found[0]) == ['7scenes']
    assert sequences_in(tmp_path / 'empty') == []


@pytest.mark.parametrize(
    ('name', 'num_images'), [('kitchen100', 100), ('herzjesu8', 8), ('room8', 8), ('euroc20', 20)]
)
def test_real_data_sets_are_read(shared_data, name, num_images):
    dataset = open_dataset(shared_data / 'real' / name)
    assert len(dataset) == num_images
    frame = dataset.frame(num_images - 1)
    assert frame.K is not None
    assert frame.world_from_cam is not None
