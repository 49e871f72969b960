"""What operators see of what is remembered and followed."""

from intelligence.admin.copying import (
    CopiedPositionAdmin,
    CopySettingsAdmin,
    PerformanceRefreshAdmin,
    TokenInstrumentAdmin,
    WalletPerformanceAdmin,
)
from intelligence.admin.following import (
    SignalAdmin,
    SignalCheckAdmin,
    SignalOutcomeAdmin,
    TokenAdmin,
    TokenListingAdmin,
    WalletAdmin,
    WebhookDeliveryAdmin,
    WebhookRegistrationAdmin,
)
from intelligence.admin.memory import DecisionAdmin, EmbeddingAdmin, EmbeddingModelAdmin

__all__ = [
    "CopiedPositionAdmin",
    "CopySettingsAdmin",
    "DecisionAdmin",
    "EmbeddingAdmin",
    "EmbeddingModelAdmin",
    "PerformanceRefreshAdmin",
    "SignalAdmin",
    "SignalCheckAdmin",
    "SignalOutcomeAdmin",
    "TokenAdmin",
    "TokenInstrumentAdmin",
    "TokenListingAdmin",
    "WalletAdmin",
    "WalletPerformanceAdmin",
    "WebhookDeliveryAdmin",
    "WebhookRegistrationAdmin",
]
