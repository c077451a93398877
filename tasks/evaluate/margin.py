"""How much worse a model may be and still count as not worse. It loads nothing, so that a command line can show it."""

MARGIN = 0.02
"""By which an arm may be worse than the reference, in nDCG@10, and still count as not worse."""
