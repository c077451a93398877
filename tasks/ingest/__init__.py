"""Documents brought up to their sources.

In: a `Listing`. Out: rows in the tables of documents and chunks, and failures; the chunks are also given as they land.

- `update` is the stage: it lists, compares, reads and lands.
- `compare` tells what changed; `prepare` makes rows from files and records, in the processes of `readers` and
  `ray_readers`; `claims` decides between records with one id; `tokenizer` counts; `land` writes.

Imports `sources`, `extract`, `chunk` and `lake`. What readers load imports neither Ray, Prefect nor LanceDB.
"""
