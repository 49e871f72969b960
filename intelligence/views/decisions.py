"""Pages of decisions: the list, one of them, and the form."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from intelligence.models import Decision


@login_required
@require_safe
def memory(request: HttpRequest) -> HttpResponse:
    """What was decided, the latest first."""
    rows = Decision.objects.for_user(request.user).order_by("-decided_at", "-id")
    return render(request, "intelligence/memory.html", {"decisions": rows[:50]})
