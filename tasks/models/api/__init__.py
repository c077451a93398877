"""Models behind an API: texts out over HTTP, vectors back, each with its own text.

In: a reference such as `openai:text-embedding-3-small`, and items. Out: vectors, float32, and what they cost.

- `wire` says what a protocol is; `openai`, `azure`, `bedrock`, `cohere`, `gemini`, `voyage`, `mistral`, `jina` and
  `tei` are those that are spoken, by their names in `providers`.
- `answers` gives each text its vector; `faults` says what an error means.
- `pictures` makes images of pixels as services take them, `gallery` has them embedded.
- `connection` sends, waits and tries again, as `limiter` lets it, which shares a `minute` with other runs; rerankers
  use it too (`tasks.rerank`). `client` asks it for vectors; `encoder` is the encoder on top of it.
- `known` has prices and sizes of models, `tokens` counts as the provider does, `bill` adds up, `paid` keeps answers
  until they are landed, `fingerprint` notices a model that changed behind its name, `keys` has the keys.
"""
