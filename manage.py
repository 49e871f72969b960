#!/usr/bin/env python
"""Runs the project's commands."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.running import run

    run(sys.argv)
