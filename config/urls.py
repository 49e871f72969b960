"""Every page and the API."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from config import api_docs, health, offline

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("sw.js", offline.service_worker, name="service_worker"),
    path("offline/", offline.page, name="offline"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.api")),
    path("api/schema/", api_docs.ApiSchema.as_view(), name="schema"),
    path("api/docs/", api_docs.docs, name="docs"),
    path("api/docs/<slug:name>/", api_docs.docs_group, name="docs_group"),
    path("", include("accounts.urls")),
    path("", include("trading.urls")),
    path("", include("journal.urls")),
    path("", include("intelligence.urls")),
]

handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.page_not_found"
handler500 = "config.problems.server_error"
