"""Where facts about tokens, wallets and the chain come from, each behind the same protocol."""
