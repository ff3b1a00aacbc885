"""For tests of work that is handed out."""

from lcagent.work.engine import Beats

QUICK = Beats(every=0.3, dead=1.5, poll=0.2, attempts=3)
"""A worker is dead soon."""
