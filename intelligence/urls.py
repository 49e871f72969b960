"""Pages of what is remembered and what is followed."""

from django.urls import path

from intelligence.views import copying, decisions

urlpatterns = [
    path("wallets/copying/", copying.copying, name="copying"),
    path("wallets/performance/", copying.wallet_performance, name="wallet_performance"),
    path("wallets/<uuid:id>/performance/", copying.wallet_figures, name="wallet_figures"),
    path("memory/", decisions.memory, name="memory"),
]
