"""The benchmark of document 001: its dataset, its scenarios, their times and what they are held against."""
