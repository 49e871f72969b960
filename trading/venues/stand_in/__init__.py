"""A stand-in for Alpaca on this machine: the same protocol, its faults on demand, and no money."""
