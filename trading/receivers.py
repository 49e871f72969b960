"""Answers to what accounts tell: their fills are matched and dated anew."""
