"""What services answer while nothing works yet; test_node and test/faults see them at work."""

import pytest
from std_srvs.srv import SetBool, Trigger

from vggt_ros.ros.middleware.callback_errors import CallbackErrors
from vggt_ros.ros.services import Services

pytestmark = pytest.mark.ros


@pytest.fixture
def told():
    return []


@pytest.fixture
def services(make_node, told):
    node = make_node('idle')
    errors = CallbackErrors(told.append)
    Services(node, errors, pipeline=lambda: None, state=lambda: 'unconfigured')
    return node


@pytest.mark.parametrize('name', ['reset', 'trigger', 'save_map', 'load_map', 'enable'])
def test_a_node_that_is_not_configured_says_so(services, make_node, told, name):
    kind = SetBool if name == 'enable' else Trigger
    client = services.create_client(kind, f'/idle/{name}')
    answer = client.call_async(kind.Request())
    assert make_node.spin(answer.done)
    assert not answer.result().success
    assert 'the node is unconfigured' in answer.result().message
    assert told == []
