"""Models' tables brought up to the chunks.

In: chunks, from the lake and as they land. Out: rows with vectors in a model's table, and its state in the catalog.

- `update` is the stage: it prepares a model's table, embeds, and brings the catalog up to date.
- `pending` finds the chunks that a table lacks; `embedding` has them embedded: `reuse` takes the vectors that the
  table, or by `wider` another one, has, `batches` groups the others, `pools` and `ray_pool` have the encoders, `trials`
  decides what a failure means, `commits` writes `rows`.

Imports `models` and `lake`.
"""
