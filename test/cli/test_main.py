import logging

import pytest

from vggt_ros import __version__
from vggt_ros.cli.main import main


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as stop:
        main(['--version'])
    assert stop.value.code == 0
    assert __version__ in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(['fly'])
    assert stop.value.code == 2
    assert 'fly' in capsys.readouterr().err


def test_an_input_that_does_not_exist_is_an_error_with_its_name(caplog, tmp_path):
    with caplog.at_level(logging.ERROR):
        code = main(['demo', '--input', str(tmp_path / 'nothing.mp4'), '--output', str(tmp_path)])
    assert code == 1
    assert 'nothing.mp4' in caplog.text
