"""Image transport: raw or compressed."""

from __future__ import annotations

# As image_transport names the topic.
COMPRESSED_SUFFIX = '/compressed'


def choose_transport(setting: str, current: str, *, num_raw: int, num_compressed: int) -> str:
    """Return raw or compressed.

    Args:
        setting: `input.transport`.
        current: What is in use; empty for nothing yet. It stays as long as it has a publisher, or
            the other has none.
        num_raw: Publishers of the topic itself.
        num_compressed: Publishers of the compressed one.
    """
    if setting != 'auto':
        return setting
    has_publisher = {'raw': num_raw > 0, 'compressed': num_compressed > 0}
    for transport in (current, 'raw', 'compressed'):
        if has_publisher.get(transport, False):
            return transport
    return current or 'raw'
