"""Alembic's entry: the connection comes from `app.db.migrate`, or from our settings."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

import app.models  # noqa: F401 - fills the metadata
from app.db import triggers
from app.db.base import Base
from app.db.engines import sync_engine


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_as_batch=True,
        user_module_prefix="app.db.base.",
    )
    with context.begin_transaction():
        context.run_migrations()
        triggers.install(connection)


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    with sync_engine(durable=True).begin() as own:
        run(own)
