"""Chunking: a document's text as spans of at most so many tokens, cut where its structure allows.

`tokens` counts, `boundaries` finds the places where a text may be cut, from coarse to fine, `language` by whose rules
sentences end, `pack` chooses among them. `markdown`, `restructured`, `plain` and `syntax` know the structure of their
formats and say it as `structure` has it; `above` tells how much goes to title and headings; `split` puts it together.
"""
