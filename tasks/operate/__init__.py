"""What operators ask and do: everything about a lake but filling and searching it.

- before a run: `initial` writes a first corpus file, `plan` says what a run would do, `bench` measures a model here.
- after it: `report` shows what it did, `status` what the lake holds.
- when in doubt: `verify` finds damage with `audit` and `contents`, `repair` repairs it.

May import every other room.
"""
