"""A walk through every page with a real browser, which takes pictures and notes what is wrong."""
