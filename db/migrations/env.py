"""Run by Alembic for each command, on the connection that `db.schema_version` hands it."""

from alembic import context

from db.models import Run

context.configure(connection=context.config.attributes["connection"], target_metadata=Run.metadata)
with context.begin_transaction():
    context.run_migrations()
