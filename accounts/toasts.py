"""What a person is told after an act: a few words, and a button that takes the act back where that is possible."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.encoding import force_str

_LEVELS = {
    "info": messages.INFO,
    "success": messages.SUCCESS,
    "warning": messages.WARNING,
    "error": messages.ERROR,
}
_UNDO = "undo:"
#: The name under which htmx hands them to the page.
EVENT = "toasts"


@dataclass(frozen=True, slots=True)
class Toast:
    """One thing to tell; `undo` is the token that takes the act back, "" where nothing does."""

    words: str
    level: str
    undo: str = ""


def say(request: HttpRequest, words: Any, undo: str = "", level: str = "success") -> None:
    """The person reads these words on the page that comes next, or on the one that asked by htmx."""
    messages.add_message(request, _LEVELS[level], force_str(words), extra_tags=f"{_UNDO}{undo}" if undo else "")


def take(request: HttpRequest) -> list[Toast]:
    """All that is yet to be told; it is told now, so that the next page does not tell it again."""
    return [
        Toast(
            words=str(message),
            level=message.level_tag or "info",
            undo=tags.removeprefix(_UNDO) if (tags := message.extra_tags or "").startswith(_UNDO) else "",
        )
        for message in messages.get_messages(request)
    ]
