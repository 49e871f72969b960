"""What to learn and what to do next."""
