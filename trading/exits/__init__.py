"""When and how much of a position its plan gets out of: (plan, entry, state, price, time) -> (state, exits).

`plans` says what a plan is and which rules it breaks, `states` where a plan has got to, `lines` the prices at which it
acts, `evaluation` what it does at a price, `bars` at a bar of prices, `standing` what a page shows of it, `results`
what it made, `snapshots` how it is written down and overridden.

Pure: no Django, no clock, no database. The rules are in docs/exits.md.
"""
