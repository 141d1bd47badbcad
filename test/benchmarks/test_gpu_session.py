import json

import pytest

from benchmarks.gpu.session import Session, Step


@pytest.fixture
def make_step(clock):
    def make(name, *, takes_s=30.0, needs_s=10.0, **numbers):
        def run(left_s):
            clock.now_s += takes_s
            return {'left_s': left_s, **numbers}

        return Step(part='check', name=name, run=run, needs_s=needs_s)

    return make


def test_what_one_piece_has_done_the_next_one_does_not_do_again(tmp_path, clock, make_step):
    steps = [make_step('a'), make_step('b'), make_step('c')]
    assert Session(tmp_path, 1.0, clock).run(steps) == ['check.c']
    second = Session(tmp_path, 1.0, clock)
    assert list(second.results) == ['check.a', 'check.b']
    assert second.run(steps) == []
    lines = [json.loads(line) for line in (tmp_path / 'results.jsonl').read_text().splitlines()]
    assert [line['step'] for line in lines] == ['check.a', 'check.b', 'check.c']
    assert [line['left_s'] for line in lines] == [60.0, 30.0, 60.0]


def test_a_step_that_takes_longer_than_is_left_is_not_begun(tmp_path, clock, make_step):
    session = Session(tmp_path, 1.0, clock)
    assert session.run([make_step('long', needs_s=90.0), make_step('short')]) == ['check.long']
    assert list(session.results) == ['check.short']


def test_a_step_that_fails_is_told_and_does_not_end_the_session(tmp_path, clock, make_step):
    def fail(left_s):
        raise RuntimeError('no such kernel')

    session = Session(tmp_path, 5.0, clock)
    session.run([Step(part='check', name='bad', run=fail), make_step('good', ok=True)])
    assert session.results['check.bad']['error'] == 'RuntimeError: no such kernel'
    assert session.results['check.good']['ok']
    assert not session.is_ok


def test_a_step_that_goes_on_is_run_in_every_piece(tmp_path, clock, make_step):
    step = make_step('train', again=True)
    for _ in range(2):
        Session(tmp_path, 1.0, clock).run([step])
    assert len((tmp_path / 'results.jsonl').read_text().splitlines()) == 2
