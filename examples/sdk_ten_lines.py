"""python examples/sdk_ten_lines.py report.pdf "Who signed it?" """

import sys

from lcagent import Reader

with Reader() as reader:
    answer = reader.ask(sys.argv[1], sys.argv[2])
print(answer.text)
for citation in answer.citations:
    print(f"  [{citation.number}] {citation.document}, {citation.place}: {citation.quote}")
