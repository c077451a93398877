"""Documents brought up to their sources.

In: a `Listing`. Out: rows in the tables of documents and chunks, and failures; the chunks are also given as they land.

- `update` is the stage: it lists, compares, reads and lands.
- `compare` tells what changed, also by `identity`, the hash of the settings that a row was made with.
- `reading` gives work to `readers` and `ray_readers`, in whose processes `prepare` makes documents and chunks
  (`rows` says what their rows are);
  `faults` decides what a failure means; `tokenizer` counts.
- `transcribing` adds what is said in sounds, as `spoken` cuts it, by what the lake has or a model writes down.
- `kept` tells which members of a changed archive need not be cut again.
- `land` writes: `claims` decides between records with one id, `stored` knows what the lake has.

Imports `sources`, `extract`, `chunk` and `lake`. What readers load imports neither Ray, Prefect nor LanceDB.
"""
