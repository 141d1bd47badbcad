import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.number_lines import checked_ns, ns_of_seconds, read_numbers, read_text


def test_lines_of_numbers_become_rows(tmp_path):
    (tmp_path / 'n.txt').write_text('1 2.5\n\n  -3e1 4\n')
    np.testing.assert_array_equal(read_numbers(tmp_path / 'n.txt', 2), [[1, 2.5], [-30, 4]])


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('1 2 3', '2 finite'),
        ('1 nan', '2 finite'),
        ('1 b', "'b'"),
        ('1 2\n3', 'cannot'),
        ('', '2'),
    ],
)
def test_other_text_is_refused(tmp_path, text, match):
    (tmp_path / 'n.txt').write_text(text)
    with pytest.raises(SourceError, match=match):
        read_numbers(tmp_path / 'n.txt', 2)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / 'n.txt').write_bytes(b'\xff\xfe\x00')
    for path in (tmp_path / 'n.txt', tmp_path / 'none.txt'):
        with pytest.raises(SourceError, match='cannot be read as text'):
            read_text(path)


def test_seconds_of_today_keep_all_their_nanoseconds():
    assert ns_of_seconds('1403715274.262142977') == 1_403_715_274_262_142_977
    assert ns_of_seconds('1.036224e-01') == 103_622_400
    assert ns_of_seconds('-2') == -2_000_000_000


@pytest.mark.parametrize(
    'word', ['', 'x', 'nan', 'sNaN', 'inf', '1e961', '1e999999999999', '9223372037']
)
def test_seconds_that_no_stamp_can_hold_are_refused(word):
    with pytest.raises(ValueError, match=r'no number of seconds|beyond 64 bits'):
        ns_of_seconds(word)


def test_stamps_have_sixty_four_bits():
    assert checked_ns(2**63 - 1) == 2**63 - 1
    with pytest.raises(ValueError, match='beyond 64 bits'):
        checked_ns(2**63)
