"""OpenAI's client, pointed at `lcagent serve`: upload a document, ask, and watch it being read.

export OPENAI_BASE_URL=http://127.0.0.1:8765/v1 OPENAI_API_KEY=any
python examples/openai_client.py report.pdf "Who signed it?"
"""

import sys
from pathlib import Path

from openai import OpenAI

client = OpenAI()
file = client.files.create(file=Path(sys.argv[1]), purpose="user_data")
content = [{"type": "file", "file": {"file_id": file.id}}, {"type": "text", "text": sys.argv[2]}]
for chunk in client.chat.completions.create(
    model="lcagent", messages=[{"role": "user", "content": content}], stream=True
):
    for choice in chunk.choices:
        if done := getattr(choice.delta, "reasoning", None):  # what it does meanwhile
            print(done, end="", file=sys.stderr)
        print(choice.delta.content or "", end="", flush=True)
        for note in getattr(choice.delta, "annotations", None) or []:  # where it stands
            print(f"\n{note['url_citation']['url']}", end="")
print()
