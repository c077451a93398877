"""Models judged: in, tables of one corpus and queries; out, which of them finds more, and how sure that is."""
