"""The work of embedlake, a folder for each stage.

A document's way: `sources` lists its file; `ingest.compare` sees that it is new or changed; in a process of its own
`ingest.prepare` makes its text (`extract`) and cuts it (`chunk`); `ingest.land` writes its row and its chunks.

A chunk's way: `embed.pending` sees that a model's table lacks it; `embed.embedding` takes the vector that its text has
already (`embed.reuse`), or puts it into a batch for an encoder (`models`); `embed.commits` writes it to the table.

A query's way: `search` finds the live table in `lake.catalog`, embeds the question with that table's model (`models`)
and asks `lake.tables` for the nearest rows.

Who may import whom, from top to bottom (`pyproject.toml` holds it):

    operate
    search, embed, ingest
    lake
    models, chunk, extract
    sources
    config
    records
    progress, columns, hashing, text, ...
    errors
"""
