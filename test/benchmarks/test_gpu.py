"""The kit for a machine with a GPU, tried on this one at the size of a toy."""

import json
from pathlib import Path
import subprocess
import sys

import pytest

from benchmarks.gpu import speed
from benchmarks.gpu.__main__ import main, table
from benchmarks.gpu.checks import steps as check_steps
from benchmarks.gpu.session import Session
from benchmarks.gpu.speed import Case
from benchmarks.gpu.train import steps as train_steps

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = ('rclpy', 'gtsam', 'scipy', 'matplotlib', 'huggingface_hub', 'yaml', 'pytest')


def test_it_needs_nothing_that_such_a_machine_does_not_have():
    blocked = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {FOREIGN!r}:
            raise ImportError(name)
sys.meta_path.insert(0, Block())
import benchmarks.gpu.__main__, training.train
from benchmarks.networks import load_predictor
load_predictor('nano', device='cpu', precision='fp32')
"""
    subprocess.run([sys.executable, '-c', blocked], check=True, cwd=ROOT, timeout=100)


def test_what_can_be_checked_without_a_gpu_is_right(tmp_path):
    session = Session(tmp_path, 5.0)
    wanted = ('check.same_as_cpu', 'check.bf16', 'check.streaming.4', 'check.sweep', 'check.park')
    late = session.run(each for each in check_steps('cpu', None) if each.key in wanted)
    assert not late
    assert session.is_ok, session.results
    assert set(session.results) == set(wanted)


def test_an_answer_that_is_wrong_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr('benchmarks.gpu.checks._STREAMED', -1.0)
    session = Session(tmp_path, 5.0)
    session.run(each for each in check_steps('cpu', None) if each.name == 'streaming.7')
    assert not session.is_ok
    assert 'WRONG' in table(session.results)


def test_a_case_of_speed_has_its_stages_and_its_floor(monkeypatch, tmp_path, capsys):
    case = Case(network='nano', size=(168, 126), window=4, overlap=2, precision='fp32')
    monkeypatch.setattr(speed, 'cases', lambda network: [case])
    words = ['--part', 'speed', '--device', 'cpu', '--network', 'nano', '--rounds', '1']
    assert main([*words, '--minutes', '3', '--output', str(tmp_path)]) == 0
    (line,) = (tmp_path / 'results.jsonl').read_text().splitlines()
    found = json.loads(line)
    assert found['step'] == 'speed.nano.168x126.fp32.window4.overlap2'
    stages = found['stages_s']
    assert set(stages) == {'all', 'encode', 'attention', 'camera', 'depth', 'decode_and_copy'}
    assert sum(stages.values()) == pytest.approx(2 * stages['all'], rel=0.05)
    assert 0 < found['floor_s'] < found['window_s']
    assert found['latency_s'] <= found['window_s']
    assert f'{found["ratio"]:.2f} x published' in capsys.readouterr().out


def test_without_time_nothing_is_begun_and_the_rest_is_named(tmp_path, capsys):
    assert main(['--device', 'cpu', '--minutes', '0', '--output', str(tmp_path)]) == 1
    assert 'train.nano; run again with this folder' in capsys.readouterr().out


def test_a_training_that_does_not_begin_says_why(tmp_path):
    session = Session(tmp_path, 1.4)
    session.run(train_steps('cpu', tmp_path / 'train', '/no/such/weights.safetensors'))
    assert not session.is_ok
    assert 'no/such/weights' in session.results['train.nano']['error']
