"""Models' tables brought up to the chunks.

In: chunks, from the lake and as they land. Out: rows with vectors in a model's table, and its state in the catalog.

- `update` is the stage: it prepares a model's table, embeds and settles the catalog.
- `pending` tells what a table lacks; `embedding` runs batches and lands vectors; `batches` makes them; `trials` finds
  out whose fault a failure is; `pools` and `ray_pool` have the encoders.

Imports `models` and `lake`.
"""
