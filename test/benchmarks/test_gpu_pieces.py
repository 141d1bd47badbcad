import numpy as np
import pytest

from benchmarks.gpu.pieces import cut, join


@pytest.fixture
def state(tmp_path):
    path = tmp_path / 'state.pt'
    path.write_bytes(np.random.default_rng(0).bytes(2500))
    return path


def test_a_file_is_the_same_after_it_was_cut_and_joined(state):
    before = state.read_bytes()
    pieces = cut(state, 1000)
    assert [(piece.name, piece.stat().st_size) for piece in pieces] == [
        ('state.pt.000', 1000),
        ('state.pt.001', 1000),
        ('state.pt.002', 500),
    ]
    assert not state.exists()
    assert join(state)
    assert state.read_bytes() == before


def test_pieces_of_an_older_and_larger_file_do_not_stay(state):
    cut(state, 500)
    state.write_bytes(b'new' * 300)
    cut(state, 800)
    assert join(state)
    assert state.read_bytes() == b'new' * 300


def test_a_small_file_stays_whole(state):
    assert cut(state, 2500) == [state]
    assert join(state)


def test_nothing_is_made_of_no_pieces(tmp_path):
    assert not join(tmp_path / 'state.pt')
    assert not (tmp_path / 'state.pt').exists()
