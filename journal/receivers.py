"""Answers to what trading tells: the days that changed become stale."""
