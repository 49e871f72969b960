"""Reference data as versioned files; `README.md` here says what each column means and where it is from."""

VERSION = "2026.11.20"
