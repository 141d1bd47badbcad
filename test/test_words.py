"""Prose uses the field's terms, so that an engineer finds by them what she looks for."""

import ast
import io
from pathlib import Path
import re
import tokenize

import pytest

ROOT = Path(__file__).parents[1]
CODE = [
    path
    for folder in ('vggt_ros', 'tools', 'benchmarks', 'training')
    for path in sorted((ROOT / folder).rglob('*.py'))
]
PAGES = [
    *sorted((ROOT / 'docs').rglob('*.md')),
    ROOT / 'README.md',
    ROOT / 'CONTRIBUTING.md',
    *sorted((ROOT / 'config').glob('*.yaml')),
]
MODULES = sorted((ROOT / 'vggt_ros').rglob('*.py'))

# What to look for, as a regular expression of whole words, and what to say instead.
INSTEAD = {
    r'seams?': 'overlap registration, or registered overlap',
    r'key[ -](frame )?sets?': 'keyframe set',
    r'key[ -]frames?': 'keyframe',
    r'thinned': 'subsampled (images), downsampled (clouds)',
    r'doubt(s|ed|ful)?': 'inconsistency score, inconsistent, or a plain "uncertain"',
    r'utterly( wrong)?': 'outlier',
    r'at odds': 'inconsistent',
    r'second looks?': 'geometric verification',
    r'(known|old) places?': 'revisited place',
    r'knows? it again': 'recognized',
    r'tied': 'connected',
    r'everything moves': 'map correction',
    r'news': 'correction magnitude',
    r'stray stamps?': 'timestamp outlier',
    r'dense frames?': 'frame with depth requested',
    r'comes? home': 'forward-backward error',
    r'place memory': 'keyframe database',
    r'chain of submaps': 'submap graph',
    r'pose noise': 'pose error model',
    r'robot views?': 'pose priors',
    r'unknown robots?': 'no priors',
    r'window views?': 'window estimate',
    r'last windows?': 'overlap reference',
    r'track books?': 'track registry',
    r'(know|tell)s? met(er|re)s': 'metric scale is observable, gives metric scale',
    r'(some|no)body': 'a subscriber, no subscriber',
    r'can not': 'cannot',
}
# A dot, slash or hyphen beside it makes a word part of a file's or a module's name.
NOT_ALLOWED = re.compile(
    r'(?<![\w/])(?<![\w]\.)('
    + '|'.join(f'(?P<t{i}>{term.replace(" ", chr(92) + "s+")})' for i, term in enumerate(INSTEAD))
    + r')(?![\w/])(?!\.\w)',
    re.IGNORECASE,
)
SPAN = re.compile(r'`[^`\s]+`')  # an identifier or a key, not prose
QUESTION = re.compile(r'(What|Where|How|Whether|Which|When|Why|From)\b')


def docstrings_and_comments(source):
    """Lines of a Python file's prose, as (number of its first line, text)."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.value.value
    block, start, last = [], 0, -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if token.start[0] != last + 1:
                yield start, '\n'.join(block)
                block, start = [], token.start[0]
            block.append(token.string.lstrip('# '))
            last = token.start[0]
    yield start, '\n'.join(block)


def complaints(name, prose):
    """'name:line: ...' for each term in (line, text) pairs that the field has a word for."""
    said = list(INSTEAD.values())
    found = []
    for first, text in prose:
        plain = SPAN.sub(lambda span: '`' + '_' * (len(span[0]) - 2) + '`', text)
        for match in NOT_ALLOWED.finditer(plain):
            line = first + plain.count('\n', 0, match.start())
            which = next(i for i in range(len(said)) if match[f't{i}'] is not None)
            term = ' '.join(match[0].split())
            found.append(f'{name}:{line}: not "{term}" but {said[which]}')
    return found


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize('path', CODE, ids=relative)
def test_docstrings_and_comments_use_the_terms_of_the_field(path):
    found = complaints(relative(path), docstrings_and_comments(path.read_text()))
    assert not found, '\n'.join(found)


@pytest.mark.parametrize('path', PAGES, ids=relative)
def test_pages_and_parameter_files_use_the_terms_of_the_field(path):
    text = (
        re.sub(r'\n(\s*)# ', r'\n\1  ', path.read_text())
        if path.suffix == '.yaml'
        else (path.read_text())
    )
    found = complaints(relative(path), [(1, text)])
    assert not found, '\n'.join(found)


@pytest.mark.parametrize('path', MODULES, ids=relative)
def test_module_docstring_begins_with_the_noun_that_the_file_holds(path):
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ''
    assert not QUESTION.match(docstring), f'{relative(path)}: "{docstring.splitlines()[0]}"'


@pytest.mark.parametrize(
    'prose',
    [
        'The seam of two windows.',
        'an old place, a known place',
        'It knows it again.',
        'two doubtful frames at odds',
        'after a second look',
        'a stray stamp',
        'dense frames',
        'A corner comes home.',
        'the place memory',
        'pose noise of an unknown robot',
        'robot view, window view',
        'the track book',
        'no news, everything moves',
        'a segment that is tied to another',
        'Seams, and more',
        'each key frame set',
        'a cloud is thinned',
        'which is utterly\nwrong',
        'It can\n    not be read.',
        'the last window',
        'This topic tells meters.',
        'so that the whole chain of submaps bends',
        'Nobody listens.',
        'ends with a seam',
    ],
)
def test_a_word_that_is_put_back_is_found(prose):
    assert complaints('file', [(1, prose)])


@pytest.mark.parametrize(
    'source', ['"""The seam."""', 'x = 1  # a\n# doubt', 'x: int\n"""news"""']
)
def test_a_word_is_found_in_docstrings_and_comments(source):
    assert complaints('file', docstrings_and_comments(source))


@pytest.mark.parametrize(
    'prose', ['python -m benchmarks.seams', 'benchmarks/seams.py', '`doubt`', 'a keyframe_seam']
)
def test_names_are_no_prose(prose):
    assert not complaints('file', [(1, prose)])


@pytest.mark.parametrize('source', ['seam = 1', 'x = {"doubt": "news"}', 'f("seams")'])
def test_code_is_no_prose(source):
    assert not complaints('file', docstrings_and_comments(source))


def test_a_complaint_names_file_line_term_and_what_to_say():
    (line,) = complaints('a.md', [(3, 'one\nwhere nobody\nlistens')])
    assert line == 'a.md:4: not "nobody" but a subscriber, no subscriber'
