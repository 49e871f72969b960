"""Pages of what is remembered and what is followed."""

from django.urls import path

from intelligence.views import decisions

urlpatterns = [
    path("memory/", decisions.memory, name="memory"),
]
