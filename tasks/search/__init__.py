"""Queries over a corpus.

In: a question. Out: passages. Imports `models` for the question's vector, `lake` for the nearest, and `rerank` for the
order of the best.
"""
