"""One warm process that answers over HTTP for one or many corpora.

In: HTTP requests. Out: JSON. Each corpus is kept `warm`: its encoder loaded, its tables open at one version, watched
for newer ones; queries that arrive together are embedded together (`batching`). `app` has the routes, `openai` those
that speak as OpenAI's embeddings and vector stores do, `answers` the one that answers questions, `tools` what agents
use, `schemas` what they take and give, `asking` what they need;
`guard` lets requests in: API `keys`, limits, time, request ids, `metrics`. `server` is the process.

Imports `search`; nothing of it writes to a lake.
"""
