"""How API clients say who they are: `Authorization: Bearer tj_…`."""

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import audit, tokens
from accounts.models import ApiToken, User


class TokenAuthentication(BaseAuthentication):
    """Personal tokens. Listed first, so that a request without credentials is answered 401 and not 403."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = tokens.find(secret.strip(), at=timezone.now())
        if token is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.", code="invalid_token")
        audit.identify(token.owner)
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'
