"""Who acts in each request, for the audit log."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts import audit


class ActorMiddleware:
    """Names the person of the request to the audit log. The person is looked up only if something is written."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = audit.begin(
            audit.Actor(
                user=request.user,
                address=audit.address_of(request),
                user_agent=_printable(request.headers.get("User-Agent", ""))[:300],
                request_id=getattr(request, "request_id", ""),
            )
        )
        try:
            return self.get_response(request)
        finally:
            audit.end(token)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
