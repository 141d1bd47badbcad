from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import socket
import threading
import time

import huggingface_hub
from huggingface_hub import constants
import pytest

from vggt_ros.errors import (
    CheckpointGatedError,
    CheckpointNotFoundError,
    CheckpointUnreachableError,
)
from vggt_ros.inference.hub import fetch_weights

NAMES = ('model.safetensors', 'model.pt')
CONTENT = b'these are the weights'


class Hub:
    """A hub on the loopback interface with one rule for every request."""

    def __init__(self):
        self.files = {}
        self.refusal = None
        self.requests = []
        self.tokens = []


@pytest.fixture
def hub(tmp_path, monkeypatch):
    state = Hub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_HEAD(self):
            state.requests.append((self.command, self.path))
            state.tokens.append(self.headers.get('Authorization'))
            content = state.files.get(self.path)
            if state.refusal is not None:
                status, headers, content = *state.refusal, b''
            elif content is None:
                status, headers, content = 404, {'X-Error-Code': 'EntryNotFound'}, b''
            else:
                status, headers = 200, {'X-Repo-Commit': 40 * 'a', 'ETag': '"0123"'}
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            if self.command == 'GET':
                self.wfile.write(content)

        do_GET = do_HEAD  # noqa: N815 - the base class looks for this name

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    use_hub(monkeypatch, tmp_path, f'http://127.0.0.1:{server.server_port}')
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    # Port 9 (discard) is not served on a test machine: connections are refused at once.
    use_hub(monkeypatch, tmp_path, 'http://127.0.0.1:9')


def use_hub(monkeypatch, tmp_path, endpoint):
    download = partial(huggingface_hub.hf_hub_download, endpoint=endpoint)
    monkeypatch.setattr(huggingface_hub, 'hf_hub_download', download)
    monkeypatch.setattr('time.sleep', lambda seconds: None)  # between the library's retries
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', False)
    monkeypatch.setenv('HF_TOKEN', 'hf_test')


def test_the_preferred_file_is_downloaded_once_and_then_comes_from_the_cache(hub):
    hub.files = {f'/a/b/resolve/main/{name}': CONTENT for name in NAMES}
    path = fetch_weights('a/b', NAMES, offline=False)
    assert path.name == 'model.safetensors'
    assert path.read_bytes() == CONTENT
    num_requests = len(hub.requests)
    assert fetch_weights('a/b', NAMES, offline=False) == path
    assert fetch_weights('a/b', NAMES, offline=True) == path
    assert len(hub.requests) == num_requests


def test_the_next_file_is_taken_if_the_repository_lacks_the_preferred_one(hub):
    hub.files = {'/a/b/resolve/main/model.pt': CONTENT}
    assert fetch_weights('a/b', NAMES, offline=False).name == 'model.pt'


def test_the_token_of_the_machine_is_sent(hub):
    hub.files = {'/a/b/resolve/main/model.pt': CONTENT}
    fetch_weights('a/b', ['model.pt'], offline=False)
    assert hub.tokens[0] == 'Bearer hf_test'


def test_a_repository_without_the_files_is_refused_with_the_names_that_were_tried(hub):
    hub.files = {}
    with pytest.raises(CheckpointNotFoundError, match=r'model\.safetensors, model\.pt'):
        fetch_weights('a/b', NAMES, offline=False)


def test_an_unknown_or_private_repository_is_refused(hub):
    hub.refusal = 401, {'X-Error-Code': 'RepoNotFound', 'X-Error-Message': 'not found'}
    with pytest.raises(CheckpointNotFoundError, match='no repository a/b, or it is private'):
        fetch_weights('a/b', NAMES, offline=False)


def test_a_gated_repository_is_refused_with_where_to_accept_its_license(hub):
    hub.refusal = 403, {'X-Error-Code': 'GatedRepo', 'X-Error-Message': 'restricted'}
    with pytest.raises(CheckpointGatedError, match=r'https://huggingface.co/a/b .*hf auth login'):
        fetch_weights('a/b', NAMES, offline=False)


def test_a_token_that_the_hub_refuses_is_named_as_the_reason(hub):
    hub.refusal = 401, {'X-Error-Message': 'Invalid credentials in Authorization header'}
    with pytest.raises(CheckpointGatedError, match='token'):
        fetch_weights('a/b', NAMES, offline=False)


def test_a_hub_that_is_down_is_unreachable(hub):
    hub.refusal = 500, {}
    with pytest.raises(CheckpointUnreachableError, match='could not be downloaded'):
        fetch_weights('a/b', NAMES, offline=False)


@pytest.mark.usefixtures('no_hub')
def test_no_connection_is_unreachable_with_a_remedy():
    with pytest.raises(CheckpointUnreachableError, match='check the connection'):
        fetch_weights('a/b', NAMES, offline=False)


def test_offline_asks_nobody_and_says_how_to_fill_the_cache(hub):
    hub.files = {'/a/b/resolve/main/model.pt': CONTENT}
    with pytest.raises(CheckpointUnreachableError, match=r'hf download a/b model\.safetensors'):
        fetch_weights('a/b', NAMES, offline=True)
    assert hub.requests == []


def test_the_offline_mode_of_the_hub_library_is_obeyed(hub, monkeypatch):
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    with pytest.raises(CheckpointUnreachableError, match='unset HF_HUB_OFFLINE'):
        fetch_weights('a/b', NAMES, offline=False)
    assert hub.requests == []


@pytest.mark.usefixtures('no_hub')
@pytest.mark.parametrize('name', ['a/b/c', 'a b/c', '-a/b'])
def test_a_name_that_is_no_repository_id_is_refused(name):
    with pytest.raises(CheckpointNotFoundError, match='owner/name'):
        fetch_weights(name, NAMES, offline=False)


def test_a_download_that_breaks_off_is_unreachable(hub, monkeypatch):
    def break_off(repo_id, filename):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(huggingface_hub, 'hf_hub_download', break_off)
    with pytest.raises(CheckpointUnreachableError, match='No space left'):
        fetch_weights('a/b', NAMES, offline=False)


def test_a_pinned_revision_is_asked_for_and_found_in_the_cache(hub):
    commit = 40 * 'a'
    hub.files = {f'/a/b/resolve/{commit}/model.pt': CONTENT}
    path = fetch_weights('a/b', ['model.pt'], offline=False, revision=commit)
    assert path.read_bytes() == CONTENT
    assert all(commit in requested for _, requested in hub.requests)
    num_requests = len(hub.requests)
    assert fetch_weights('a/b', ['model.pt'], offline=True, revision=commit) == path
    assert len(hub.requests) == num_requests
    with pytest.raises(CheckpointUnreachableError, match='not in the cache'):
        fetch_weights('a/b', ['model.pt'], offline=True, revision=40 * 'b')


def test_a_hub_that_takes_the_call_and_says_nothing_is_given_up(tmp_path, monkeypatch):
    with socket.create_server(('127.0.0.1', 0)) as silent:
        use_hub(monkeypatch, tmp_path, f'http://127.0.0.1:{silent.getsockname()[1]}')
        start_s = time.monotonic()
        with pytest.raises(CheckpointUnreachableError, match=r'nothing was heard .*hub_timeout'):
            fetch_weights('a/b', NAMES, offline=False, timeout_s=1.0)
        assert time.monotonic() - start_s < 5.0
