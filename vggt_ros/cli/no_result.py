"""Explanation of a demo without a result, in the words of the node's diagnostics."""

from __future__ import annotations

from collections.abc import Mapping

_DROPPED = 'dropped.'
_REMEDIES = {
    'not_keyframe': 'the camera hardly moved between them',
    'not_verified': 'the images do not confirm what the network says of them',
    'size_changed': 'they have different sizes; scale or crop them',
    'window_failed': 'the network or the overlap failed',
    'late': 'the network was too slow for them; lower --rate',
}


def why_nothing(diagnostics: Mapping[str, str]) -> str:
    """Return a sentence on what happened to the images of a run without a result.

    Args:
        diagnostics: Keys and values of the node's last message; empty if it said nothing.
    """
    if not diagnostics:
        return 'the node said nothing'
    num_images = diagnostics.get('frames_in', '0')
    if num_images == '0':
        return f'no image reached the node, which is {diagnostics.get("state", "unknown")}'
    told = [f'{num_images} images reached the node']
    for key, value in sorted(diagnostics.items()):
        if key.startswith(_DROPPED) and value != '0':
            reason = key.removeprefix(_DROPPED)
            remedy = f' ({_REMEDIES[reason]})' if reason in _REMEDIES else ''
            told.append(f'{value} were dropped as {reason}{remedy}')
    if diagnostics.get('no_window'):
        told.append(diagnostics['no_window'])
    elif diagnostics.get('frames_pending') == '1':
        told.append('one waits for a second that differs enough: one view makes no map')
    if diagnostics.get('error'):
        told.append(diagnostics['error'])
    return '; '.join(told)
