"""Alembic's entry: the connection comes from `app.db.migrate`, or from our settings."""

from __future__ import annotations

from alembic import context

import app.models  # noqa: F401 - fills the metadata
from app.db.base import Base
from app.db.engines import sync_engine


def run(connection: object) -> None:
    context.configure(
        connection=connection,  # type: ignore[arg-type]
        target_metadata=Base.metadata,
        compare_type=True,
        render_as_batch=True,
        user_module_prefix="app.db.base.",
    )
    with context.begin_transaction():
        context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    with sync_engine(durable=True).begin() as own:
        run(own)
