"""Ask a document with a progress line of your own.

python examples/events.py examples/skarholm-report.pdf "Who kept the instruments?"
"""

import sys

from lcagent import Finished, Reader, SegmentRead

with Reader(window=1536) as reader:
    for event in reader.stream(sys.argv[1], sys.argv[2]):
        if isinstance(event, SegmentRead):
            print(f"\r{event.done}/{event.total} segments", end="", file=sys.stderr)
        elif isinstance(event, Finished):
            print(f"\n{event.answer.text}")
            for citation in event.answer.citations:
                print(f"  [{citation.number}] {citation.place}: {citation.quote}")
