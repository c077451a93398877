"""Chunking: a document's text as spans of at most so many tokens, cut where its structure allows.

`tokens` counts, `boundaries` finds the places where a text may be cut, from coarse to fine, `pack` chooses among
them, `markdown`, `restructured` and `syntax` know the structure of their formats, `split` puts it together.
"""
