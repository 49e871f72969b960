"""Sums of trades and what is derived from them; each metric is defined once, here and in docs/metrics.md."""
