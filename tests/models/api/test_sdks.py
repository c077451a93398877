"""The providers' own SDKs get from the fake the vectors that we get: it was not made to fit us.

They have an environment of their own: `python -m venv FOLDER; FOLDER/bin/pip install openai cohere`, then
`EMBEDLAKE_SDKS=FOLDER/bin/python pytest tests/models/api/test_sdks.py`.
"""

import json
import os
import subprocess

import numpy as np
import pytest

from tasks.models.interface import text_items
from tests.models.api.fake import KEY, Fake, serving
from tests.models.api.test_encoder import served

TEXTS = [f"a text of number {i}" for i in range(7)]
OPENAI = """
import json, sys
from openai import OpenAI
url, key, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = OpenAI(api_key=key, base_url=url + "/v1")
data = client.embeddings.create(model="text-embedding-3-small", input=texts, dimensions=32).data
print(json.dumps([one.embedding for one in sorted(data, key=lambda one: one.index)]))
"""
OPENAI_BATCH = """
import json, sys
from openai import OpenAI
url, key, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = OpenAI(api_key=key, base_url=url + "/v1")
body = {"model": "text-embedding-3-small", "dimensions": 32}
lines = [
    {"custom_id": str(i), "method": "POST", "url": "/v1/embeddings", "body": body | {"input": text}}
    for i, text in enumerate(texts)
]
file = client.files.create(file=("a.jsonl", "\\n".join(map(json.dumps, lines)).encode()), purpose="batch")
batch = client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
batch = client.batches.retrieve(batch.id)
assert batch.status == "completed" and batch.id in [one.id for one in client.batches.list(limit=1)]
answers = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
answers.sort(key=lambda one: int(one["custom_id"]))
assert client.files.delete(file.id).deleted
print(json.dumps([one["response"]["body"]["data"][0]["embedding"] for one in answers]))
"""
COHERE = """
import json, sys
import cohere
url, key, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = cohere.ClientV2(api_key=key, base_url=url)
answer = client.embed(
    model="embed-v4.0", texts=texts, input_type="search_document", embedding_types=["float"], output_dimension=32
)
print(json.dumps(answer.embeddings.float_))
"""


@pytest.mark.parametrize(
    ("script", "reference"),
    [
        (OPENAI, "openai:text-embedding-3-small"),
        (OPENAI_BATCH, "openai:text-embedding-3-small"),
        (COHERE, "cohere:embed-v4.0"),
    ],
)
def test_the_providers_own_client_gets_the_same_vectors(script: str, reference: str) -> None:
    python = os.environ.get("EMBEDLAKE_SDKS")
    if not python:
        pytest.skip("no environment with the SDKs of OpenAI and Cohere: EMBEDLAKE_SDKS is not set")
    fake = Fake(script=["too_many", "broken"])  # which the SDKs try again by themselves
    with serving(fake) as url:
        told = subprocess.run(
            [python, "-c", script, url, KEY, json.dumps(TEXTS)], check=True, capture_output=True, text=True
        )
    with served(Fake(), reference) as encoder:
        ours = encoder.encode_documents(text_items(TEXTS)).vectors
    np.testing.assert_allclose(np.array(json.loads(told.stdout)), ours, atol=1e-6)
