"""Judging how well the models of a corpus find what is asked for.

In go the lake and queries: those that somebody judged, or known items made from the corpus itself. Out come, for each
arm (a model's table, searched in one way), measures with intervals, tests against the reference and lists side by side;
they land in the lake with what they were measured on, where `verdict` reads them.
"""
