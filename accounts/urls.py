"""Pages of people and their accounts."""

from django.contrib.auth import views as auth_views
from django.urls import path

from accounts import views

urlpatterns = [
    path("signup/", views.SignUp.as_view(), name="signup"),
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("password/", views.PasswordChange.as_view(), name="password_change"),
    path("password/reset/", views.PasswordReset.as_view(), name="password_reset"),
    path(
        "password/reset/sent/",
        auth_views.PasswordResetDoneView.as_view(template_name="accounts/password_reset_done.html"),
        name="password_reset_done",
    ),
    path(
        "password/reset/done/",
        auth_views.PasswordResetCompleteView.as_view(template_name="accounts/password_reset_complete.html"),
        name="password_reset_complete",
    ),
    path(
        "password/reset/<uidb64>/<token>/",
        views.PasswordResetConfirm.as_view(),
        name="password_reset_confirm",
    ),
    path("undo/", views.take_back, name="undo"),
    path("settings/", views.Settings.as_view(), name="settings"),
    path("settings/tokens/", views.TokenCreate.as_view(), name="token_create"),
    path("settings/tokens/<uuid:id>/revoke/", views.TokenRevoke.as_view(), name="token_revoke"),
    path("accounts/new/", views.AccountCreate.as_view(), name="account_create"),
    path("accounts/<uuid:id>/edit/", views.AccountEdit.as_view(), name="account_edit"),
    path("accounts/<uuid:id>/archive/", views.AccountArchive.as_view(), name="account_archive"),
    path("accounts/<uuid:id>/restore/", views.AccountRestore.as_view(), name="account_restore"),
    path("accounts/<uuid:id>/delete/", views.AccountDelete.as_view(), name="account_delete"),
]
