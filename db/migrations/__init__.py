"""The history of the tables, run by Alembic through `db.schema_version`."""
