"""Who may write: for the API, for pages, and as a plain question."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import ApiToken, Client, TokenScope, User

if TYPE_CHECKING:
    # The settings name this module, and the views read the settings while they load.
    from rest_framework.views import APIView

_REFUSAL = gettext_lazy("Your account may read but not write.")


def person_of(request: HttpRequest) -> User:
    """Who asks, in a view that lets nobody in who is not signed in."""
    assert isinstance(request.user, User)
    return request.user


def may_write(user: User | AnonymousUser) -> bool:
    """Whether this person may change anything. Staff who are nobody's client may."""
    if not isinstance(user, User) or not user.is_active:
        return False
    try:
        client: Client = user.client
    except Client.DoesNotExist:
        return True
    return client.may_write


class MayReadOwnOrWrite(BasePermission):
    """Signed in to read; to write also not suspended, not rejected, and with a token of scope write.

    Which rows are one's own is the querysets' part: `for_user`.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            return False
        if request.method in SAFE_METHODS:
            return True
        if isinstance(request.auth, ApiToken) and request.auth.scope != TokenScope.WRITE:
            raise exceptions.PermissionDenied("This token may only read.", code="scope_missing")
        if not may_write(request.user):
            raise exceptions.PermissionDenied(str(_REFUSAL), code="may_not_write")
        return True


class MayWriteMixin(LoginRequiredMixin):
    """A page for people who are signed in; what suspended and rejected people send to it is refused with 403."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method not in SAFE_METHODS and request.user.is_authenticated and not may_write(request.user):
            raise PermissionDenied(str(_REFUSAL))
        return super().dispatch(request, *args, **kwargs)


def may_write_required(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """As `MayWriteMixin`, for a view that is a function."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method not in SAFE_METHODS and not may_write(request.user):
            raise PermissionDenied(str(_REFUSAL))
        return view(request, *args, **kwargs)

    return login_required(guarded)
