"""The history of the tables, run by Alembic through `db.schema_version`; it only goes forward.

Until the first release the first version is written anew from the models, by whoever changes
them: `python -m tests.db.first_version`. From then on a change to the models is a version of its
own: `versions/0002_what_changes.py`, with `revision = "0002"`, `down_revision = "0001"` and
`upgrade()`; then `HEAD` in `db.schema_version` is "0002". What belongs into it, Alembic's
`produce_migrations` tells of a database of the version before. It must run on both databases, in
the one transaction it is given, on tables full of rows; and there is no way back but a backup.
`tests/db/test_migrations.py` holds all of it to the models.
"""
