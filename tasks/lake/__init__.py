"""The lake: LanceDB tables, the only state there is.

In: Arrow tables of rows. Out: the same, by key, by filter, or as a snapshot.

- `store` is where tables lie; `table_set` says which a corpus has, `tables` reads and writes their rows, `snapshot` and
  `lookup` read one version of a table, `nearest` finds the nearest vectors; `schemas` says what columns there are,
  `evolve` changes them.
- `lease`, `scope` and `holder` let one run write at a time; `catalog` says which model's table is live.
- `transcripts` keeps what was said in sounds, `jobs` what a Batch API has under way.
- `failures` and `run` note what happened; `versions` and `maintenance` keep tables small and quick,
  `neighbours` finds other corpora.

Imports `models` only for what names a model's table.
"""
