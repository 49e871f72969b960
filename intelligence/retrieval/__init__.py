"""How well the memory finds what is meant: notes with what somebody might ask for them in other words, and measures."""
