"""A chat of your own, with a memory that outlives the window and the program.

python examples/chat_app.py anna
"""

import sys

from lcagent import AnswerDelta, ChatSession, FunctionCalled, LcagentError, Replied

with ChatSession(sys.argv[1]) as chat:
    for line in sys.stdin:
        try:
            for event in chat.stream(line):
                if isinstance(event, FunctionCalled):
                    print(f"({event.name} {event.about})", file=sys.stderr)
                elif isinstance(event, AnswerDelta):
                    print(event.text, end="", flush=True)
                elif isinstance(event, Replied):
                    print()
                    for citation in event.reply.citations:
                        print(f"  [{citation.number}] {citation.place}: {citation.quote}")
        except LcagentError as error:
            print(f"{error.message} ({error.hint})", file=sys.stderr)
