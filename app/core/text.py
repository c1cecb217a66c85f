"""Text from anywhere made fit to be stored."""

from __future__ import annotations

# Characters kept of a message, and of a line that a task logs.
MAX_MESSAGE = 4_096
MAX_LINE = 8_192


def clean(text: str, longest: int) -> str:
    """Text that either database takes: no NUL, no lone surrogates, middle cut out if too long."""
    text = text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    if len(text) <= longest:
        return text
    half = longest // 2 - 16
    return f"{text[:half]}\n... {len(text) - 2 * half} characters cut ...\n{text[-half:]}"


def first_line(error: object) -> str:
    """The first line of what an error says; its type where it says nothing, as `TimeoutError()`."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
