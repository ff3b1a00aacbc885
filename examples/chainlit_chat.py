"""A chat in the browser with Chainlit: attach documents, ask about them, watch the steps.

pip install chainlit
lcagent serve &
OPENAI_BASE_URL=http://127.0.0.1:8765/v1 OPENAI_API_KEY=any chainlit run examples/chainlit_chat.py
"""

from pathlib import Path
from typing import Any

import chainlit as cl
from openai import AsyncOpenAI, OpenAIError

client = AsyncOpenAI()


@cl.on_message
async def reply(message: cl.Message) -> None:
    """Answer in the conversation of this browser tab, which is kept."""
    try:
        await answered(message)
    except OpenAIError as error:
        await cl.ErrorMessage(str(error)).send()


async def answered(message: cl.Message) -> None:
    """Show what is done as a step, then the answer with its footnotes."""
    parts: list[Any] = []
    for element in message.elements:
        file = await client.files.create(file=(element.name, Path(element.path)), purpose="user_data")
        parts.append({"type": "file", "file": {"file_id": file.id}})
    parts.append({"type": "text", "text": message.content})
    answer = cl.Message("")
    async with cl.Step(name="reading") as step:
        stream = await client.chat.completions.create(
            model="lcagent",
            messages=[{"role": "user", "content": parts}],
            stream=True,
            extra_headers={"X-Session-Id": f"chainlit-{cl.user_session.get('id')}"},
        )
        async for chunk in stream:
            for choice in chunk.choices:
                if done := getattr(choice.delta, "reasoning", None):
                    await step.stream_token(done)
                await answer.stream_token(choice.delta.content or "")
    await answer.send()
