import os
import re
import signal
import subprocess
import sys
import time
from urllib.request import urlopen

import pytest

from vggt_ros.cli import view
from vggt_ros.cli.main import main


def test_a_map_that_is_not_there_is_said(tmp_path, caplog):
    pytest.importorskip('viser')
    assert main(['view', str(tmp_path / 'none')]) == 1
    assert 'session.json' in caplog.text


def test_control_is_for_nodes(tmp_path, caplog):
    pytest.importorskip('viser')
    assert main(['view', str(tmp_path), '--control']) == 2
    assert 'leave PATH out' in caplog.text


def test_the_extra_is_named_where_viser_is_missing(tmp_path, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, 'viser', None)
    assert main(['view', str(tmp_path)]) == 2
    assert "pip install 'vggt_ros[view]'" in caplog.text


def test_a_node_is_shown_by_a_process_with_ros_in_place_of_this_one(monkeypatch):
    pytest.importorskip('viser')
    started = []

    def execv(path, words):
        started.append((path, words))
        raise SystemExit

    monkeypatch.setattr(view.os, 'execv', execv)
    with pytest.raises(SystemExit):
        main(['view', '--node', '/robot/vggt', '--port', '8123', '--control'])
    path, words = started[0]
    assert path == words[0] == sys.executable
    assert words[1:3] == ['-m', 'vggt_ros.ros.tools.viewer']
    assert {'prefix:=/robot/vggt', 'port:=8123', 'control:=true', 'tracks:=false'} <= set(words)


def test_a_stored_map_is_shown_until_it_is_told_to_end(stored_map):
    pytest.importorskip('viser')
    words = [sys.executable, '-m', 'vggt_ros.cli', 'view', str(stored_map), '--port', '0']
    environment = dict(os.environ, PYTHONUNBUFFERED='1')
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment) as child:
        try:
            line = child.stderr.readline()
            while 'is shown at' not in line and line:
                line = child.stderr.readline()
            address = re.search(r'http://127\.0\.0\.1:\d+', line)[0]
            with urlopen(address, timeout=10) as answer:
                assert b'<html' in answer.read()[:2000].lower()
            child.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            assert child.wait(timeout=20) == 0
            assert time.monotonic() - begun < 10
        finally:
            child.kill()
