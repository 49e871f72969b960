"""Backups of the database that prove what is in them, and how they are brought back.

A backup is a folder: `database.dump`, PostgreSQL's custom format, or `database.dump.sealed` with a key; and
`manifest.json`, which says what every table held at the very moment of the dump. Only complete ones have their
final name. `making` makes and forgets them, `restoring` tries them out and brings them back.
"""
