import asyncio
from types import SimpleNamespace

import pytest

from vggt_ros.errors import PublishingError
from vggt_ros.ros.middleware.callback_errors import CallbackErrors


@pytest.fixture
def said():
    return []


@pytest.fixture
def errors(said, clock):
    return CallbackErrors(said.append, clock=clock)


def raised(error):
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def raised_elsewhere(error):
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_an_error_is_logged_with_its_traceback_once_and_then_in_a_line(errors, said, clock):
    for _ in range(100):
        errors.note(raised(KeyError('a bug')))
    assert errors.number == 100
    assert 'Traceback' in said[0]
    assert 'test_callback_errors.py' in said[0]
    assert len(said) == 2
    assert 'Traceback' not in said[1]
    clock.now_s += 31.0
    errors.note(raised(KeyError('a bug')))
    assert len(said) == 3
    assert '98 more like this' in said[2]


def test_another_place_is_another_error(errors, said):
    errors.note(raised(KeyError('a bug')))
    errors.note(raised_elsewhere(KeyError('a bug')))
    assert ['Traceback' in each for each in said] == [True, True]


def test_it_is_the_state_of_the_node_for_a_while(errors, clock):
    assert errors.recent == ''
    errors.note(raised(PublishingError('a pose is not published')))
    assert errors.recent == 'a callback failed and was left out: a pose is not published'
    clock.now_s += 9.9
    assert errors.recent
    clock.now_s += 0.2
    assert errors.recent == ''
    assert errors.number == 1


def test_no_error_breaks_out_of_its_line_nor_grows_without_bound(errors, said):
    errors.note(ValueError('odd\x1b[31m\nFATAL: all is lost'))
    assert '\x1b' not in said[0]
    assert '\nFATAL' not in said[0]
    for number in range(1000):
        kind = type(f'Odd{number}', (Exception,), {})
        errors.note(kind('x'))
    assert sum('Traceback' in each or each.count('\n') for each in said) <= 100


@pytest.mark.parametrize('is_async', [False, True])
def test_a_service_answers_in_any_case(errors, is_async):
    def answer(request, response):
        if request == 'break':
            raise ZeroDivisionError('a bug')
        response.success, response.message = True, 'done'
        return response

    async def answer_later(request, response):
        return answer(request, response)

    service = errors.answering(answer_later if is_async else answer)

    def call(request):
        response = SimpleNamespace(success=False, message='')
        found = service(request, response)
        return asyncio.run(found) if is_async else found

    assert asyncio.iscoroutinefunction(service) == is_async
    assert call('work').message == 'done'
    failed = call('break')
    assert not failed.success
    assert "ZeroDivisionError('a bug')" in failed.message
    assert errors.number == 1
