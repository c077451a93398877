"""Answering questions from what a search found.

In: a question and passages. Out: events: what the prompt holds, the answer as it comes, how it ended.

- `sources` joins passages within their documents, as many as fit a budget; `prompt` says them to a model as data.
- `chat` asks an endpoint that speaks OpenAI's protocol. `citations` checks what the answer cites.
- `answering` puts them together.
"""
