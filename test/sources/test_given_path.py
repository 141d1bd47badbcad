import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.given_path import existing_path, refuse_single_image


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    assert existing_path('~', 'give a folder') == tmp_path


@pytest.mark.parametrize('text', ['no/such/place', 'a\0b', '~nobody-of-that-name/x', 'x' * 5000])
def test_a_name_of_nothing_is_an_error_with_the_remedy(text):
    with pytest.raises(SourceError, match=r'; give a folder$') as info:
        existing_path(text, 'give a folder')
    assert repr(text) in str(info.value)


def test_a_single_image_is_refused_by_its_ending_in_either_case(tmp_path):
    for name in ('a.JPG', 'a.heic', 'a.exr'):
        with pytest.raises(SourceError, match=rf'{name} is a single image'):
            refuse_single_image(tmp_path / name)
    refuse_single_image(tmp_path / 'a.mp4')
