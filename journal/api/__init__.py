"""The journal's part of the API, a module for each thing it answers about."""
