"""The schema of the API and the page that lets people try it, both served from this machine."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated

from accounts.authentication import TokenAuthentication


class ApiSchema(SpectacularAPIView):
    """OpenAPI 3, as YAML or, with `?format=json`, as JSON."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]


class ApiDocs(SpectacularSwaggerSplitView):
    """Swagger UI without a line of inline script or style, as our content security policy wants it."""

    authentication_classes = [SessionAuthentication]
    permission_classes = [IsAuthenticated]
    template_name = "accounts/api_docs.html"
    url_name = "schema"
    title = str(settings.SPECTACULAR_SETTINGS["TITLE"])


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """What the schema says of personal tokens. Registers itself by being defined."""

    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A personal token, made in the settings."}
