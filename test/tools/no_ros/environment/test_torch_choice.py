import pytest


@pytest.fixture
def torch_choice(load_program):
    return load_program('torch_choice.py')


@pytest.mark.parametrize('version', ['2.4.0', '2.13.0', '2.13.0+cpu', '2.9.1+cu128', '2.10.0a0'])
def test_a_supported_torch_is_kept(torch_choice, version):
    assert torch_choice.is_good(version)
    for has_driver in (True, False):
        assert torch_choice.install_attempts(version, has_nvidia_driver=has_driver) == []


@pytest.mark.parametrize('version', [None, '', '1.13.1', '2.3.1', '3.0.0', 'nonsense'])
def test_another_torch_or_none_is_not_good(torch_choice, version):
    assert not torch_choice.is_good(version)
    assert torch_choice.install_attempts(version, has_nvidia_driver=False)


def test_a_machine_with_a_driver_gets_the_cuda_build(torch_choice):
    attempts = torch_choice.install_attempts(None, has_nvidia_driver=True)
    assert attempts == [[f'torch=={torch_choice.PINNED}']]


def test_a_machine_without_a_driver_gets_the_small_build_where_one_can_be_had(torch_choice):
    local, index, any_build = torch_choice.install_attempts(None, has_nvidia_driver=False)
    assert local == [f'torch=={torch_choice.PINNED}+cpu']
    assert torch_choice.CPU_INDEX in index
    assert any_build == [f'torch=={torch_choice.PINNED}']


def test_the_index_of_small_builds_is_given_up_quickly(torch_choice):
    attempt = torch_choice.install_attempts(None, has_nvidia_driver=False)[1]
    assert attempt[attempt.index('--retries') + 1] == '0'
    assert float(attempt[attempt.index('--timeout') + 1]) <= 15.0


def test_what_is_installed_is_kept_afterwards(torch_choice):
    assert torch_choice.is_good(torch_choice.PINNED)
