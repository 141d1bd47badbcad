import threading
import time

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from std_srvs.srv import Trigger

from vggt_ros.ros.middleware.background import in_thread


def call(make_node, work, on_timer=None):
    """Return the answer of a service that answers with what `work` returns."""
    node = make_node('worker')

    async def on_call(request, response):
        try:
            response.message = await in_thread(work, node.executor)
            response.success = True
        except ValueError as error:
            response.message = f'failed: {error}'
        return response

    group = MutuallyExclusiveCallbackGroup()
    node.create_service(Trigger, 'work', on_call, callback_group=group)
    if on_timer is not None:
        node.create_timer(0.01, on_timer)
    client = node.create_client(Trigger, 'work')
    assert make_node.spin(client.service_is_ready)
    future = client.call_async(Trigger.Request())
    assert make_node.spin(future.done)
    return future.result()


def test_other_callbacks_run_while_it_works(make_node):
    timer_ran = threading.Event()

    def work():
        assert timer_ran.wait(10.0)
        return f'{threading.get_ident()}'

    answer = call(make_node, work, timer_ran.set)
    assert answer.success
    assert answer.message != f'{threading.get_ident()}'


def test_what_it_raises_comes_out_where_it_is_awaited(make_node):
    def work():
        raise ValueError('the disk is full')

    answer = call(make_node, work)
    assert (answer.success, answer.message) == (False, 'failed: the disk is full')


def test_an_executor_that_sleeps_is_woken(make_node):
    node = make_node('sleeper')
    done = []

    async def on_call(request, response):
        done.append(await in_thread(lambda: time.sleep(0.2) or 'done', node.executor))
        return response

    group = MutuallyExclusiveCallbackGroup()
    node.create_service(Trigger, 'sleep', on_call, callback_group=group)
    client = node.create_client(Trigger, 'sleep')
    assert make_node.spin(client.service_is_ready)
    client.call_async(Trigger.Request())
    start_s = time.monotonic()
    while not done and time.monotonic() - start_s < 10:
        node.executor.spin_once(timeout_sec=20.0)  # nothing else happens
    assert done == ['done']
    assert time.monotonic() - start_s < 10
