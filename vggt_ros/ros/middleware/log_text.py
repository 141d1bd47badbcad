"""Text of strangers in the log: one line, printable, of bounded length."""

from __future__ import annotations

# Of a name, an encoding, a format; and of a line of the log with several of them.
MAX_CHARACTERS = 200
MAX_LINE = 2000


def safe_line(text: str) -> str:
    """Return a line of the log that names of strangers are in; see `one_line`."""
    return one_line(text, MAX_LINE)


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
