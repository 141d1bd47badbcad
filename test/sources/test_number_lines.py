import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.number_lines import read_numbers, read_text


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
