"""Queries over a corpus.

In: a question. Out: passages. Imports `models` for the question's vector and `lake` for the nearest.
"""
