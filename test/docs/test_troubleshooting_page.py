"""docs/troubleshooting.md: every message and every reason on it is one of the code."""

import ast
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / 'docs' / 'troubleshooting.md').read_text()
SOURCES = sorted((ROOT / 'vggt_ros').rglob('*.py'))
LEFT_OUT = '…'
# Messages are what stands in backticks and has a gap or a space; reasons are single words.
MESSAGES = sorted({each for each in re.findall(r'`([^`]+)`', PAGE) if LEFT_OUT in each})
REASONS = sorted(set(re.findall(r'^\| `(\w+)`', PAGE, re.MULTILINE)))


def texts(path):
    """All texts of a file, with a gap where a value is put in."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield ''.join(
                part.value if isinstance(part, ast.Constant) else LEFT_OUT for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


TEXTS = {text for path in SOURCES for text in texts(path)}


def is_said(message):
    """Whether the words of a message are, in their order, in one text, or in texts of one file."""
    words = [part.strip(' …;:,()') for part in message.split(LEFT_OUT)]
    assert any(words), f'{message} says nothing'
    pattern = re.compile('.*'.join(re.escape(word) for word in words if word), re.DOTALL)
    return any(pattern.search(text) for text in TEXTS)


def test_there_are_messages_and_reasons():
    assert len(MESSAGES) > 40
    assert len(REASONS) > 20


@pytest.mark.parametrize('message', MESSAGES)
def test_a_message_of_the_page_is_one_of_the_code(message):
    # Some are put together of two texts, as a line and its advice: each has to be there.
    halves = re.split(r'(?<=[…s])\s?\((?=it has)|… (?=\()', message)
    assert all(is_said(half) for half in halves if half.strip(' …')), message


@pytest.mark.parametrize('reason', REASONS)
def test_a_reason_of_the_page_is_one_of_the_code(reason):
    assert any(text == reason for text in TEXTS)


def test_states_that_are_explained_are_those_of_the_node():
    page = (ROOT / 'docs' / 'concepts' / 'windows.md').read_text()
    told = set(re.findall(r'^\| `(\w+)` \|', page.split('| State |')[1], re.MULTILINE))
    source = (ROOT / 'vggt_ros' / 'mapping' / 'frontend' / 'frame_stream.py').read_text()
    (state,) = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name == 'state'
    )
    values = {
        each.value
        for node in ast.walk(state)
        if isinstance(node, ast.Return)
        for each in ast.walk(node)
        if isinstance(each, ast.Constant)
    }
    assert told == values | {'loading'}


def test_every_reason_to_refuse_an_image_is_on_the_page():
    told = set()
    for path in (ROOT / 'vggt_ros' / 'ros' / 'input').glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            is_refusal = isinstance(node, ast.Call) and ast.unparse(node.func) == 'InputError'
            if is_refusal and isinstance(node.args[0], ast.Constant):
                told.add(node.args[0].value)
    assert told
    assert told <= set(REASONS)
