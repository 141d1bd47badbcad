"""Text of strangers in the log: one line, printable, of bounded length."""

from __future__ import annotations

MAX_CHARACTERS = 200


def one_line(text: str, max_characters: int = MAX_CHARACTERS) -> str:
    """Return a text without line breaks and control characters, cut where it is too long.

    Args:
        text: Names, encodings and formats as they come in messages.
        max_characters: Length of the result at most.
    """
    # Each character becomes at least one: what lies behind is cut in any case.
    head = text[: max_characters + 1]
    escaped = ''.join(
        each if each.isprintable() else each.encode('unicode_escape').decode('ascii')
        for each in head
    )
    if len(escaped) <= max_characters:
        return escaped
    return escaped[: max_characters - 3] + '...'
