"""Pages of what is remembered and what is followed."""
