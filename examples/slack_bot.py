"""A Slack bot (Socket Mode): mention it in a thread, and it answers there; a thread is a conversation.

pip install slack-bolt
lcagent serve &
SLACK_BOT_TOKEN=xoxb-… SLACK_APP_TOKEN=xapp-… OPENAI_BASE_URL=http://127.0.0.1:8765/v1 OPENAI_API_KEY=any \
    python examples/slack_bot.py

It needs the scopes app_mentions:read, chat:write and files:read, and the event app_mention.
"""

import os
import re
from collections.abc import Callable
from html import escape
from typing import Any

import httpx
from openai import OpenAI
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler

client = OpenAI()


def answer(event: dict[str, Any], say: Callable[..., Any]) -> None:
    """Answer a mention in its thread, with the files that came with it."""
    parts: list[Any] = []
    for file in event.get("files", []):
        headers = {"authorization": f"Bearer {os.environ['SLACK_BOT_TOKEN']}"}
        held = httpx.get(file["url_private_download"], headers=headers).raise_for_status().content
        kept = client.files.create(file=(file["name"], held), purpose="user_data")
        parts.append({"type": "file", "file": {"file_id": kept.id}})
    parts.append({"type": "text", "text": re.sub(r"<@\w+>", "", event["text"]).strip()})
    thread = event.get("thread_ts", event["ts"])
    reply = client.chat.completions.create(
        model="lcagent",
        messages=[{"role": "user", "content": parts}],
        user=f"slack-{event['channel']}",
        extra_headers={"X-Session-Id": thread, "Idempotency-Key": event["ts"]},  # Slack may send it again
        extra_body={"lcagent": {"footnotes": False}},  # Slack's links are written otherwise
    )
    text = slacked(re.sub(r"\[\^(\d+)\]", r"[\1]", reply.choices[0].message.content or ""))
    for one in (reply.model_extra or {})["lcagent"]["citations"]:
        if one["url"]:
            place = slacked(f"{one['document']}, {one['place']}")
            text += f"\n> [{one['number']}] <{one['url']}|{place}>: {slacked(one['quote'])}"
    say(text=text, thread_ts=thread)


def slacked(text: str) -> str:
    """Text of a document or model as one line that calls nobody: `<!channel>` would."""
    return escape(" ".join(text.split()), quote=False)


if __name__ == "__main__":
    app = App(token=os.environ["SLACK_BOT_TOKEN"])
    app.event("app_mention")(answer)
    SocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start()
