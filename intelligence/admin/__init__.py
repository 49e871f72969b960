"""What operators see of what is remembered and followed."""

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
    "DecisionAdmin",
    "EmbeddingAdmin",
    "EmbeddingModelAdmin",
    "SignalAdmin",
    "SignalCheckAdmin",
    "SignalOutcomeAdmin",
    "TokenAdmin",
    "TokenListingAdmin",
    "WalletAdmin",
    "WebhookDeliveryAdmin",
    "WebhookRegistrationAdmin",
]
