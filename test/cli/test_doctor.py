import argparse

import pytest

from vggt_ros.cli import doctor


def options(**changes):
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    words = [word for name, value in changes.items() for word in (f'--{name}', str(value))]
    return parser.parse_args(['doctor', *words])


def test_the_machine_is_named():
    lines = list(doctor.machine_lines())
    assert all(is_well for is_well, _ in lines)
    assert any('PyTorch' in line for _, line in lines)
    assert any('cuda' in line.lower() for _, line in lines)


def test_the_self_test_says_whether_the_numbers_are_right(capsys):
    words = ['doctor', '--self-test', '--device', 'cpu', '--precision', 'fp32']
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    assert doctor.run(parser.parse_args(words)) == 0
    told = capsys.readouterr().out
    assert 'nano on cpu in fp32' in told
    assert 'depth_median' in told
    assert 'graph' not in told


def test_wrong_numbers_of_a_device_are_trouble(monkeypatch):
    monkeypatch.setattr('vggt_ros.inference.self_test._BOUNDS', {'fp32': (-1.0,) * 5})
    lines = list(doctor.self_test_lines('cpu', 'fp32'))
    assert [is_well for is_well, _ in lines] == [True, *[False] * 5]
    assert 'computes wrongly' in lines[1][1]


def test_weights_that_are_there_are_named_with_their_size():
    (is_well, line), *rest = doctor.weights_lines('nano')
    assert is_well
    assert 'nano.safetensors (12 MB)' in line
    assert all(is_well for is_well, _ in rest)


@pytest.mark.parametrize('checkpoint', ['/no/such/file.safetensors', 'nothing'])
def test_weights_that_are_not_there_are_trouble(checkpoint):
    ((is_well, line),) = doctor.weights_lines(checkpoint)
    assert not is_well
    assert checkpoint in line


def test_a_hub_id_is_not_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path))
    ((is_well, line),) = doctor.weights_lines('nobody/nothing')
    assert not is_well
    assert 'nobody/nothing' in line


def test_a_profile_that_is_not_there_is_trouble(tmp_path, monkeypatch):
    monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', str(tmp_path / 'no.xml'))
    monkeypatch.setenv('CYCLONEDDS_URI', f'file://{tmp_path}/cyclone.xml')
    (tmp_path / 'cyclone.xml').write_text('<CycloneDDS/>')
    found = {line.split()[0]: is_well for is_well, line in doctor.middleware_lines()}
    assert found['FASTDDS_DEFAULT_PROFILES_FILE'] is False
    assert found['CYCLONEDDS_URI'] is True


def test_small_buffers_are_told(tmp_path, monkeypatch):
    limit = tmp_path / 'rmem_max'
    monkeypatch.setattr(doctor, 'SOCKET_LIMIT', limit)
    for number, is_told in ((212_992, True), (33_554_432, False)):
        limit.write_text(f'{number}\n')
        (line,) = [line for _, line in doctor.middleware_lines() if 'rmem_max' in line]
        assert ('docs/middleware.md' in line) is is_told


def test_the_exit_code_says_whether_there_is_something_to_look_at(capsys, monkeypatch):
    for name in ('machine_lines', 'middleware_lines'):
        monkeypatch.setattr(doctor, name, lambda: [(True, 'fine')])
    for is_well, code in ((True, 0), (False, 1)):
        monkeypatch.setattr(
            doctor, 'graph_lines', lambda node, seconds, well=is_well: [(well, 'the graph')]
        )
        assert doctor.run(options()) == code
        assert ('! the graph' in capsys.readouterr().out) is not is_well
