from training.photo_sources import PHOTO_SOURCES


def test_every_source_says_what_it_is_and_under_which_license():
    for source in PHOTO_SOURCES:
        assert source.license
        assert source.content
        assert source.inside
        assert 0 < source.megabytes < 2000


def test_no_package_is_named_twice():
    names = [source.package for source in PHOTO_SOURCES]
    assert len(set(names)) == len(names)
