"""The activity feed: what happened to a person's things, in words."""

from accounts.models import ActivityEntry


def noted(owner_id: int, kind: str, text: str, *, link: str = "") -> None:
    """The person's feed has one more line, in the caller's transaction; what is too long is cut."""
    shortened = text if len(text) <= 500 else text[:499] + "…"
    ActivityEntry.objects.create(owner_id=owner_id, kind=kind, text=shortened, link=link)
