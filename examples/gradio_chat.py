"""A chat in the browser with Gradio: drop documents, ask about them.

pip install gradio
lcagent serve &
OPENAI_BASE_URL=http://127.0.0.1:8765/v1 OPENAI_API_KEY=any python examples/gradio_chat.py
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from openai import OpenAI, OpenAIError

client = OpenAI()


def reply(message: dict[str, Any], history: list[Any], request: gr.Request) -> Iterator[str]:
    """Stream what is done, then the answer; each browser tab is a conversation that is kept."""
    try:
        yield from answered(message, f"gradio-{request.session_hash}")
    except OpenAIError as error:
        raise gr.Error(str(error)) from error


def answered(message: dict[str, Any], session: str) -> Iterator[str]:
    """What stands in the chat, as it grows."""
    files = [client.files.create(file=Path(path), purpose="user_data").id for path in message["files"]]
    parts: list[Any] = [{"type": "file", "file": {"file_id": file}} for file in files]
    parts.append({"type": "text", "text": message["text"]})
    text = ""
    for chunk in client.chat.completions.create(
        model="lcagent",
        messages=[{"role": "user", "content": parts}],
        stream=True,
        extra_headers={"X-Session-Id": session},
    ):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            yield text or getattr(choice.delta, "reasoning", None) or "…"


app = gr.ChatInterface(reply, multimodal=True, title="lcagent")

if __name__ == "__main__":
    app.launch(server_name="127.0.0.1")
