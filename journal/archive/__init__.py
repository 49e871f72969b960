"""Everything that a person has as one file, and back: `jobs` holds the verbs, docs/export.md the format."""
