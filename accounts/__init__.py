"""Who: people, their trading accounts, portfolios and ledger, API tokens, the audit log and the activity feed."""
