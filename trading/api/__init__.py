"""The API of trades, fills, positions, tags, instruments, rates and imports, by noun."""
