import os

import pytest

from vggt_ros.offline.archive.executor import attempt, InProcess


def test_jobs_are_done_one_after_the_other(stub, events, jobs_named):
    InProcess().run(jobs_named('a', 'b'), stub.work, events)
    assert events.started == stub.lines('results') == ['a', 'b']
    assert events.ended['b'][0].num_frames == 1
    assert events.ended['b'][0].seconds > 0.0
    assert stub.lines('closed') == [str(os.getpid())]


def test_a_failure_is_tried_again_after_the_others_and_a_final_one_is_not(
    stub, events, jobs_named
):
    InProcess().run(jobs_named('raise', 'bad', 'a'), stub.work, events)
    assert events.started == ['raise', 'bad', 'a', 'raise']
    assert [each.error for each in events.ended['raise']] == ['RuntimeError: raise'] * 2
    assert [each.error for each in events.ended['bad']] == ['no recording']
    assert stub.results == ['a']


def test_an_interrupt_ends_it_and_closes_the_work(stub, events, jobs_named):
    class Interrupted(type(stub.work)):
        def __call__(self, job):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        InProcess().run(jobs_named('a'), Interrupted(stub.folder), events)
    assert len(stub.lines('closed')) == 1


def test_an_attempt_says_who_made_it(stub, jobs_named):
    assert attempt(stub.work, jobs_named('a')[0], 'me').worker == 'me'
