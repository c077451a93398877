"""Reranking: the best passages of a search, ordered anew by what reads query and passage together.

In: a query and texts, in the order that a search gave them. Out: their order, scores, and why it is the old one where
nothing could be scored.

- `interface` says what a reranker is. `choose` loads the one that a corpus file names: a `cross_encoder`, run by torch,
  or by OpenVINO from what `converted` made of it; or a service that speaks a protocol of `services`.
- `order` asks a reranker within a time, and never fails.
"""
