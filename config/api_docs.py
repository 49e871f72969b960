"""The schema of the API and the page that lets people try it, both served from this machine."""

from django.conf import settings
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
