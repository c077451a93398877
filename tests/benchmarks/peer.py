"""One peer's way from JSON Lines to vectors in LanceDB, run in the peers' own environment.

    python tests/benchmarks/peer.py NAME records.jsonl MODEL_FOLDER out.npz

Each one is written as its project's documentation shows it. Records have `id` and `text`; the model is a folder that
sentence-transformers saved. Prints the seconds from reading to landed, the model's loading included.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np


def read(records: Path) -> tuple[list[str], list[str]]:
    """Ids and texts."""
    rows = [json.loads(line) for line in records.read_text("utf-8").splitlines()]
    return [row["id"] for row in rows], [row["text"] for row in rows]


def sentence_transformers(records: Path, model: Path, place: Path) -> Any:
    """`encode` alone, with the batch size that was the best of 4, 8, 16 and 32."""
    from sentence_transformers import SentenceTransformer

    ids, texts = read(records)
    loaded = SentenceTransformer(str(model), device="cpu")
    rates = {}
    for size in (4, 8, 16, 32):
        clock = time.monotonic()
        loaded.encode(texts[:64], batch_size=size)
        rates[size] = time.monotonic() - clock
    best = min(rates, key=rates.__getitem__)
    clock = time.monotonic()
    vectors = loaded.encode(texts, batch_size=best, normalize_embeddings=True)
    return ids, vectors, time.monotonic() - clock


def fastembed(records: Path, model: Path, place: Path) -> Any:
    """The same model as ONNX, since the hub's copy cannot be fetched everywhere; lands by `lancedb`."""
    import lancedb
    from fastembed import TextEmbedding

    export_onnx(model, place / "onnx")
    clock = time.monotonic()
    ids, texts = read(records)
    embedding = TextEmbedding("sentence-transformers/all-MiniLM-L6-v2", specific_model_path=str(place / "onnx"))
    vectors = list(embedding.embed(texts))
    rows = [{"id": i, "text": t, "vector": v} for i, t, v in zip(ids, texts, vectors, strict=True)]
    lancedb.connect(str(place / "lake")).create_table("t", rows)
    return ids, vectors, time.monotonic() - clock


def langchain(records: Path, model: Path, place: Path) -> Any:
    """LangChain's indexing API into its LanceDB vector store."""
    from langchain_community.vectorstores import LanceDB
    from langchain_core.documents import Document
    from langchain_core.indexing import InMemoryRecordManager, index
    from langchain_huggingface import HuggingFaceEmbeddings

    ids, texts = read(records)
    embeddings = HuggingFaceEmbeddings(
        model_name=str(model), model_kwargs={"device": "cpu"}, encode_kwargs={"normalize_embeddings": True}
    )
    store = LanceDB(uri=str(place / "lake"), embedding=embeddings, table_name="t")
    manager = InMemoryRecordManager("peer")
    manager.create_schema()
    documents = [Document(t, metadata={"source": i}) for i, t in zip(ids, texts, strict=True)]
    index(documents, manager, store, cleanup="incremental", source_id_key="source", key_encoder="sha256")
    table = store.get_table().to_pandas()
    return [row["source"] for row in table["metadata"]], table["vector"]


def daft(records: Path, model: Path, place: Path) -> Any:
    """Daft's `embed_text` with its transformers provider, written to Lance."""
    import daft as library
    from daft.functions import embed_text

    frame = library.read_json(str(records)).with_column(
        "vector", embed_text(library.col("text"), provider="transformers", model=str(model))
    )
    frame.write_lance(str(place / "lake.lance"))
    return from_lance(place / "lake.lance")


def ray_data(records: Path, model: Path, place: Path) -> Any:
    """Ray Data's `map_batches` with an actor that holds the model, written by lance-ray."""
    import ray
    from lance_ray import write_lance

    class Embed:
        def __init__(self) -> None:
            import os

            import torch
            from sentence_transformers import SentenceTransformer

            torch.set_num_threads(os.cpu_count() or 1)  # Ray gives an actor of one CPU one thread
            self.model = SentenceTransformer(str(model), device="cpu")

        def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
            batch["vector"] = self.model.encode(list(batch["text"]), normalize_embeddings=True)
            return batch

    ray.init(include_dashboard=False, log_to_driver=False)
    data = ray.data.read_json(str(records)).repartition(16)
    data = data.map_batches(Embed, batch_size=64, compute=ray.data.ActorPoolStrategy(size=1), num_cpus=1)
    write_lance(data, str(place / "lake.lance"))
    return from_lance(place / "lake.lance")


def cocoindex(records: Path, model: Path, place: Path) -> Any:
    """A CocoIndex app from files, one for each record, to LanceDB."""
    import dataclasses

    import cocoindex as coco
    import lancedb
    from cocoindex.connectors import lancedb as target
    from cocoindex.connectors import localfs
    from cocoindex.ops.sentence_transformers import SentenceTransformerEmbedder
    from numpy.typing import NDArray

    (place / "files").mkdir()
    for identity, text in zip(*read(records), strict=True):
        (place / "files" / f"{identity}.txt").write_text(text)
    clock = time.monotonic()
    embedder = SentenceTransformerEmbedder(str(model), device="cpu")
    database = coco.ContextKey[target.LanceAsyncConnection]("peer_lake")

    @dataclasses.dataclass
    class Row:
        id: str
        text: str
        vector: NDArray[np.float32]

    @coco.lifespan
    async def lifespan(builder: coco.EnvironmentBuilder) -> Any:
        builder.settings.db_path = place / "state"
        builder.provide(database, await target.connect_async(str(place / "lake")))
        yield

    @coco.fn(memo=True)
    async def embed_file(file: Any, table: Any) -> None:
        text = await file.read_text()
        table.declare_row(row=Row(file.file_path.path.stem, text, await embedder.embed(text)))

    @coco.fn
    async def main(folder: Path) -> None:
        schema = await target.TableSchema.from_class(Row, primary_key=["id"], column_specs={"vector": embedder})
        table = await target.mount_table_target(database, "t", schema)
        await coco.mount_each(embed_file, localfs.walk_dir(folder).items(), table)

    coco.App(coco.AppConfig(name="peer"), main, place / "files").update_blocking()
    seconds = time.monotonic() - clock
    rows = lancedb.connect(str(place / "lake")).open_table("t").to_pandas()
    return rows["id"], rows["vector"], seconds


def from_lance(folder: Path) -> tuple[Any, Any]:
    """What a Lance dataset holds."""
    import lance

    rows = lance.dataset(str(folder)).to_table().to_pandas()
    return rows["id"], rows["vector"]


def export_onnx(model: Path, folder: Path) -> None:
    """A model's transformer as model.onnx, with its tokenizer beside it."""
    import shutil

    import torch
    from transformers import AutoModel

    folder.mkdir()
    for file in model.glob("*.json"):
        shutil.copy(file, folder)
    read_at_most = json.loads((model / "sentence_bert_config.json").read_text())["max_seq_length"]
    config = json.loads((model / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"model_max_length": read_at_most}))
    ids = torch.ones(2, 8, dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "texts", 1: "tokens"} for name in [*names, "last_hidden_state"]}
    loaded = AutoModel.from_pretrained(model, attn_implementation="eager").eval()

    class Transformer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.loaded = loaded

        def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
            return self.loaded(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state

    torch.onnx.export(
        Transformer(), (ids, ids, ids * 0),
        str(folder / "model.onnx"), input_names=names, output_names=["last_hidden_state"], dynamic_axes=axes,
        dynamo=False,
    )  # fmt: skip


PEERS = {
    "sentence-transformers": sentence_transformers, "fastembed": fastembed, "LangChain": langchain, "Daft": daft,
    "Ray Data": ray_data, "CocoIndex": cocoindex,
}  # fmt: skip


def main() -> None:
    """Run the peer that the command line names."""
    name, records, model, out = sys.argv[1], *map(Path, sys.argv[2:5])
    with tempfile.TemporaryDirectory() as place:
        clock = time.monotonic()
        ids, vectors, *own = PEERS[name](records.resolve(), model, Path(place))
        seconds = own[0] if own else time.monotonic() - clock
        np.savez(out, ids=np.array(list(map(str, ids))), vectors=np.stack([np.asarray(v, np.float32) for v in vectors]))
    print(json.dumps({"peer": name, "seconds": seconds}))


if __name__ == "__main__":
    main()
