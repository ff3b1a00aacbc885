"""Imported in the process from which others are forked: where one test keeps things is nothing to the next."""

import os

os.environ.pop("LCAGENT_STORE", None)
