"""Weights files from the Hugging Face hub, through its cache."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
import logging
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from vggt_ros.errors import (
    CheckpointError,
    CheckpointGatedError,
    CheckpointNotFoundError,
    CheckpointUnreachableError,
)
from vggt_ros.inference.silence import SilenceError, unless_silent

_LOGIN = 'log in with `hf auth login` or set HF_TOKEN'
# Connection failures are errors of the HTTP client, which differs between versions of the hub
# library; the bases of its own error name the right one.
_TRANSPORT_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    *(base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception)),
)
_log = logging.getLogger(__name__)


def fetch_weights(
    repo_id: str,
    filenames: Sequence[str],
    *,
    offline: bool,
    revision: str = '',
    timeout_s: float = 60.0,
) -> Path:
    """Return the path of the first of `filenames` that the repository has.

    The file comes from the hub's cache (HF_HOME) when it is there, else it is downloaded with a
    progress bar and the token of this machine.

    Args:
        repo_id: `owner/name`.
        filenames: Names to try, the preferred one first.
        offline: Use the cache only. HF_HUB_OFFLINE=1 does the same.
        revision: Commit, tag or branch; empty for the newest of the main branch.
        timeout_s: Give up when nothing came for so long; 0 never.

    Raises:
        CheckpointNotFoundError: There is no such repository or none of the files is in it.
        CheckpointGatedError: The repository wants a license to be accepted or a valid token.
        CheckpointUnreachableError: The hub cannot be reached, or must not be, and the file is
            not in the cache.
    """
    cached = _first_cached(repo_id, filenames, revision)
    if cached is not None:
        return cached
    if offline or constants.HF_HUB_OFFLINE:
        raise CheckpointUnreachableError(
            f'{repo_id} is not in the cache {constants.HF_HUB_CACHE} and offline '
            f'mode is on; run `hf download {repo_id} {filenames[0]}` on a machine with network '
            f'and copy the cache, or set model.offline to false and unset HF_HUB_OFFLINE'
        )
    for filename in filenames:
        try:
            return unless_silent(
                partial(_download, repo_id, filename, revision),
                partial(_num_cached_bytes, repo_id),
                timeout_s,
            )
        except SilenceError as error:
            raise CheckpointUnreachableError(
                f'{filename} of {repo_id}: {error} from the hub (model.hub_timeout is '
                f'{timeout_s:g} s); check the connection and proxies, or give the path of a '
                f'local file'
            ) from error
        except EntryNotFoundError:
            _log.debug('%s has no file %s', repo_id, filename)
    raise CheckpointNotFoundError(
        f'{repo_id} has none of the files {", ".join(filenames)}; download the file that has the '
        f'weights and give its path'
    )


def _first_cached(repo_id: str, filenames: Sequence[str], revision: str) -> Path | None:
    for filename in filenames:
        try:
            path = huggingface_hub.try_to_load_from_cache(
                repo_id, filename, revision=revision or None
            )
        except HFValidationError as error:
            raise _not_a_repository(repo_id) from error
        if isinstance(path, str):
            return Path(path)
    return None


def _num_cached_bytes(repo_id: str) -> int:
    """Return how many bytes of a repository are there, those of unfinished files included."""
    folder = Path(constants.HF_HUB_CACHE, f'models--{repo_id.replace("/", "--")}', 'blobs')
    num_bytes = 0
    try:
        for path in folder.iterdir():
            num_bytes += path.stat().st_size
    except OSError:  # not there yet, or renamed between the lines
        return -num_bytes
    return num_bytes


def _download(repo_id: str, filename: str, revision: str) -> Path:
    _log.info('looking for %s of %s on the hub', filename, repo_id)
    try:
        pinned: dict[str, Any] = {'revision': revision} if revision else {}
        return Path(huggingface_hub.hf_hub_download(repo_id, filename, **pinned))
    except LocalEntryNotFoundError as error:  # before its base: the hub did not answer
        raise _unreachable(repo_id, filename, error) from error
    except EntryNotFoundError:
        raise
    except GatedRepoError as error:
        raise CheckpointGatedError(
            f'{repo_id} is gated: accept its license at https://huggingface.co/{repo_id} with '
            f'your account, then {_LOGIN}'
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointNotFoundError(
            f'the hub has no repository {repo_id}, or it is private; check the name, or {_LOGIN}'
        ) from error
    except HfHubHTTPError as error:
        raise _refused(repo_id, filename, error) from error
    except _TRANSPORT_ERRORS as error:
        raise _unreachable(repo_id, filename, error) from error


def _refused(repo_id: str, filename: str, error: HfHubHTTPError) -> CheckpointError:
    if error.response is not None and error.response.status_code in (401, 403):
        return CheckpointGatedError(
            f'the hub refuses access to {repo_id} with the token of this machine; {_LOGIN}'
        )
    return _unreachable(repo_id, filename, error)


def _unreachable(repo_id: str, filename: str, error: Exception) -> CheckpointUnreachableError:
    cause = error.__cause__ or error
    return CheckpointUnreachableError(
        f'{filename} of {repo_id} is not in the cache and could not be downloaded '
        f'({type(cause).__name__}: {cause}); check the connection and the free disk space, or '
        f'give the path of a local file'
    )


def _not_a_repository(repo_id: str) -> CheckpointNotFoundError:
    return CheckpointNotFoundError(
        f'{repo_id!r} is not the id of a hub repository (owner/name); give nano, an id or a path'
    )
