"""Pages of people and their accounts; the lists with figures live in an app above."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.generic import FormView

from accounts import attempts, audit, people, toasts, tokens, trading_accounts, undo
from accounts.errors import DomainError, TooManyAttempts
from accounts.forms import AccountForm, LoginForm, ProfileForm, SignUpForm, TokenForm, refuse
from accounts.models import Account, ApiToken, AttemptPurpose
from accounts.permissions import MayWriteMixin, may_write_required, person_of

if TYPE_CHECKING:
    _SignUpView = FormView[SignUpForm]
    _AccountView = FormView[AccountForm]
else:
    _SignUpView = _AccountView = FormView


@method_decorator(sensitive_post_parameters(), name="dispatch")
class SignUp(_SignUpView):
    form_class = SignUpForm
    template_name = "accounts/signup.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.SIGN_UP_OPEN:
            raise Http404
        if request.user.is_authenticated:
            return redirect(settings.LOGIN_REDIRECT_URL)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        try:
            given = form.cleaned_data
            user = people.sign_up(
                email=given["email"], password=given["password1"], time_zone=given["time_zone"] or "UTC"
            )
        except DomainError as error:
            refuse(form, error)
            return self.form_invalid(form)
        login(self.request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
        return redirect(settings.LOGIN_REDIRECT_URL)


class Login(auth_views.LoginView):
    authentication_form = LoginForm
    template_name = "accounts/login.html"
    redirect_authenticated_user = True
    extra_context = {"sign_up_open": settings.SIGN_UP_OPEN}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except TooManyAttempts as error:
            return too_many(request, error)


def too_many(request: HttpRequest, error: TooManyAttempts) -> HttpResponse:
    """The page that says how long to wait."""
    response = render(request, "accounts/too_many_attempts.html", {"message": error.message}, status=429)
    response.headers["Retry-After"] = str(error.wait)
    return response


class PasswordChange(auth_views.PasswordChangeView):
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("settings")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        people.password_changed(form.user, at=timezone.now())
        toasts.say(self.request, _("Your password was changed. Other sessions and all API tokens have ended."))
        return response


class PasswordReset(auth_views.PasswordResetView):
    """Says that a message was sent, whether the address is known or not and however often it is asked."""

    template_name = "accounts/password_reset.html"
    email_template_name = "accounts/password_reset_email.txt"
    subject_template_name = "accounts/password_reset_subject.txt"

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            attempts.begin(
                form.cleaned_data["email"],
                address=audit.address_of(self.request),
                at=timezone.now(),
                purpose=AttemptPurpose.RESET,
            )
        except TooManyAttempts:
            return redirect("password_reset_done")
        return super().form_valid(form)


class PasswordResetConfirm(auth_views.PasswordResetConfirmView):
    template_name = "accounts/password_reset_confirm.html"

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        people.password_changed(form.user, at=timezone.now())
        return response


class Settings(MayWriteMixin, View):
    """The person's profile, how they want to see things, and their tokens."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, profile=ProfileForm.of(person_of(request)))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ProfileForm.of(person_of(request), request.POST)
        if form.is_valid():
            try:
                people.update_profile(person_of(request), **form.cleaned_data)
            except DomainError as error:
                refuse(form, error)
            else:
                toasts.say(request, _("Saved."))
                return redirect("settings")
        return self._page(request, profile=form)

    @staticmethod
    def _page(request: HttpRequest, **forms: Any) -> HttpResponse:
        return settings_page(request, **forms)


class TokenCreate(MayWriteMixin, View):
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        form = TokenForm(request.POST)
        person, now = person_of(request), timezone.now()
        if form.is_valid():
            try:
                token, secret = tokens.create(
                    owner=person,
                    name=form.cleaned_data["name"],
                    scope=form.cleaned_data["scope"],
                    expires_at=form.expires_at(now),
                    at=now,
                )
            except DomainError as error:
                refuse(form, error)
            else:
                # Not a redirect: the secret is in this answer and is kept nowhere on its way to it.
                return settings_page(request, new_token=token, secret=secret)
        return settings_page(request, token_form=form)


class TokenRevoke(MayWriteMixin, View):
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, id: str) -> HttpResponse:
        token = get_object_or_404(ApiToken.objects.for_user(request.user), public_id=id)
        tokens.revoke(token, at=timezone.now())
        toasts.say(request, _("The token %(name)s was revoked.") % {"name": token.name})
        return redirect("settings")


def settings_page(request: HttpRequest, **context: Any) -> HttpResponse:
    """The settings with whatever form was just refused, or the token just made."""
    person = person_of(request)
    refused = any(isinstance(form, BaseForm) and form.errors for form in context.values())
    context.setdefault("profile", ProfileForm.of(person))
    context.setdefault("token_form", TokenForm())
    context["tokens"] = ApiToken.objects.for_user(person).filter(revoked_at=None).order_by("-created_at", "-id")
    return render(request, "accounts/settings.html", context, status=422 if refused else 200)


class AccountCreate(MayWriteMixin, _AccountView):
    form_class = AccountForm
    template_name = "accounts/account_form.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "owner": person_of(self.request)}

    def form_valid(self, form: AccountForm) -> HttpResponse:
        try:
            account = trading_accounts.create(owner=person_of(self.request), **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
            return self.form_invalid(form)
        toasts.say(self.request, _("Account %(name)s was added.") % {"name": account.name})
        return redirect("account_detail", account.public_id)


class OwnAccountMixin(MayWriteMixin):
    """A page of one of the person's own accounts, named by the path."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            own = Account.objects.for_user(request.user)
            self.account = get_object_or_404(own, public_id=kwargs["id"])
        return super().dispatch(request, *args, **kwargs)


class AccountEdit(OwnAccountMixin, _AccountView):
    form_class = AccountForm
    template_name = "accounts/account_form.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        # The form writes what was typed into its instance, valid or not; the page's own stays as it is.
        own = Account.objects.for_user(self.request.user)
        owner, instance = person_of(self.request), own.get(pk=self.account.pk)
        return {**super().get_form_kwargs(), "owner": owner, "instance": instance}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(account=self.account, **kwargs)

    def form_valid(self, form: AccountForm) -> HttpResponse:
        try:
            trading_accounts.update(self.account, **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
            return self.form_invalid(form)
        toasts.say(self.request, _("Saved."))
        return redirect("account_detail", self.account.public_id)


class AccountArchive(OwnAccountMixin, View):
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, id: str) -> HttpResponse:
        return _acted(request, self.account, trading_accounts.archive, _("Account %(name)s was archived."))


class AccountRestore(OwnAccountMixin, View):
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, id: str) -> HttpResponse:
        return _acted(request, self.account, trading_accounts.restore, _("Account %(name)s was restored."))


class AccountDelete(OwnAccountMixin, View):
    """Asks first; a tick is needed where trades go with the account."""

    def get(self, request: HttpRequest, id: str) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest, id: str) -> HttpResponse:
        try:
            trading_accounts.delete(self.account, confirmed=request.POST.get("confirmed") == "on")
        except DomainError as error:
            return self._page(request, error=error.message, status=422)
        toasts.say(request, _("Account %(name)s was deleted.") % {"name": self.account.name})
        return redirect("account_list")

    def _page(self, request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
        has_fills = trading_accounts.has_fills(self.account)
        context = {"account": self.account, "has_fills": has_fills, "error": error}
        return render(request, "accounts/account_delete.html", context, status=status)


@may_write_required
@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    """What the token names is taken back. The person stays where they are, unless the act says where to look."""
    try:
        undone = undo.perform(person_of(request), request.POST.get("token", ""))
    except DomainError as error:
        toasts.say(request, error.message, level="error")
        undone = undo.Undone("")
    else:
        toasts.say(request, undone.words)
    if request.htmx:  # type: ignore[attr-defined]
        response = HttpResponse(status=204)
        # A list on the page reads itself anew; the toast is handed over with the answer.
        response.headers["HX-Trigger"] = "undone"
        return response
    return redirect(undone.address or back_of(request))


def back_of(request: HttpRequest) -> str:
    """The address of ours that the form names as `next`, else the page it was sent from, else the dashboard."""
    for address in (request.POST.get("next", ""), request.headers.get("Referer", "")):
        if address and url_has_allowed_host_and_scheme(address, {request.get_host()}, request.is_secure()):
            path = urlsplit(address)._replace(scheme="", netloc="", fragment="").geturl()
            # Without a slash in front it would be taken for the name of a page.
            if path.startswith("/"):
                return path
    return reverse(settings.HOME_URL)


def _acted(request: HttpRequest, account: Account, verb: Any, words: str) -> HttpResponse:
    now = timezone.now()
    before = {"id": str(account.public_id), "was_archived": account.archived_at is not None}
    try:
        verb(account, at=now)
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        at = (account.archived_at or now).isoformat()
        token = undo.token(person_of(request), trading_accounts.UNDO_ARCHIVE, {**before, "at": at})
        toasts.say(request, words % {"name": account.name}, undo=token)
    return redirect("account_detail", account.public_id)
