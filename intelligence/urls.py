"""Pages of what is remembered and what is followed."""

from django.urls import path

from intelligence.views import copying, decisions, deliveries, instruments, reading, signals, wallets

urlpatterns = [
    path("wallets/copying/", copying.copying, name="copying"),
    path("wallets/performance/", copying.wallet_performance, name="wallet_performance"),
    path("wallets/<uuid:id>/performance/", copying.wallet_figures, name="wallet_figures"),
    path("wallets/", wallets.wallet_list, name="wallet_list"),
    path("wallets/new/", wallets.wallet_create, name="wallet_create"),
    path("wallets/<uuid:id>/", wallets.wallet_detail, name="wallet_detail"),
    path("wallets/<uuid:id>/edit/", wallets.wallet_edit, name="wallet_edit"),
    path("wallets/<uuid:id>/pause/", wallets.wallet_pause, name="wallet_pause"),
    path("wallets/<uuid:id>/activate/", wallets.wallet_activate, name="wallet_activate"),
    path("wallets/<uuid:id>/archive/", wallets.wallet_archive, name="wallet_archive"),
    path("wallets/<uuid:id>/restore/", wallets.wallet_restore, name="wallet_restore"),
    path("signals/", signals.signal_list, name="signal_list"),
    path("signals/<uuid:id>/", signals.signal_detail, name="signal_detail"),
    path("tokens/", signals.mint_list, name="mint_list"),
    path("tokens/<uuid:id>/", signals.mint_detail, name="mint_detail"),
    path("tokens/<uuid:id>/blacklist/", signals.mint_ban, name="mint_ban"),
    path("tokens/<uuid:id>/lift/", signals.mint_lift, name="mint_lift"),
    path("deliveries/", deliveries.delivery_list, name="delivery_list"),
    path("deliveries/<uuid:id>/", deliveries.delivery_detail, name="delivery_detail"),
    path("deliveries/<uuid:id>/replay/", deliveries.delivery_replay, name="delivery_replay"),
    path("memory/", decisions.memory, name="memory"),
    path("memory/panel/", decisions.memory_panel, name="memory_panel"),
    path("instruments/<uuid:id>/", instruments.instrument_detail, name="instrument_detail"),
    path("memory/new/", decisions.decision_create, name="decision_create"),
    path("memory/<uuid:id>/", decisions.decision_detail, name="decision_detail"),
    path("memory/<uuid:id>/edit/", decisions.decision_edit, name="decision_edit"),
    path("memory/<uuid:id>/read/", reading.decision_read, name="decision_read"),
    path("memory/<uuid:id>/delete/", decisions.decision_delete, name="decision_delete"),
]
