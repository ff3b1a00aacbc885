"""python -m tests.loopback [--port N] [--window N] [--latency S] [--facts | --extract]: a process of its own."""

import argparse
import sys
import time

from tests.loopback.server import Loopback, default_reply, twenty_facts, two_facts

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--window", type=int, default=8192)
parser.add_argument("--latency", type=float, default=0.0)
parser.add_argument("--facts", action="store_true", help="find two sentences in every segment")
parser.add_argument("--extract", action="store_true", help="state twenty facts of every segment")
options = parser.parse_args()
reply = twenty_facts if options.extract else two_facts if options.facts else default_reply
with Loopback(
    port=options.port,
    window=options.window,
    latency=options.latency,
    reply=reply,
    keep_requests=False,
) as server:
    print(server.port, flush=True)
    while sys.stdin.read(1):  # ends with its parent
        time.sleep(0.1)
