"""What the rules for migrations let pass, and what they stop."""

from __future__ import annotations

import pytest

from app.db.migrate import generation
from tests.support.migration_rules import judge

BREAKS = (
    "DROP TABLE tasks",
    "TRUNCATE tasks",
    "ALTER TABLE tasks DROP COLUMN lane",
    "ALTER TABLE tasks RENAME COLUMN lane TO track",
    "ALTER TABLE tasks RENAME TO jobs",
    "ALTER TABLE tasks ALTER COLUMN version TYPE BIGINT",
    "ALTER TABLE tasks ALTER COLUMN owner_ref SET NOT NULL",
    "ALTER TABLE tasks ALTER COLUMN name DROP NOT NULL",
    "ALTER TABLE tasks ALTER COLUMN lane DROP DEFAULT",
    "ALTER TABLE tasks ADD COLUMN colour TEXT NOT NULL",
    "ALTER TABLE tasks ADD CONSTRAINT ck_tasks_colour CHECK (lane <> 'x')",
    "ALTER TABLE tasks DROP CONSTRAINT ck_tasks_status_known",
    "CREATE UNIQUE INDEX CONCURRENTLY ux ON tasks (name)",
    "UPDATE tasks SET lane = ''",
    "DELETE FROM tasks",
    "DROP INDEX ix_tasks_unique_key",
)
BLOCKS = (
    "ALTER TABLE tasks ADD COLUMN token UUID DEFAULT gen_random_uuid()",
    "ALTER TABLE tasks ADD COLUMN number BIGSERIAL",
    "ALTER TABLE tasks ADD COLUMN twice FLOAT GENERATED ALWAYS AS (progress * 2) STORED",
    "CREATE INDEX ix ON tasks (name)",
    "CREATE INDEX IF NOT EXISTS ix ON tasks (name)",
    "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE",
)
FINE = (
    "ALTER TABLE tasks ADD COLUMN colour TEXT",
    "ALTER TABLE tasks ADD COLUMN colour TEXT DEFAULT 'red' NOT NULL",
    "ALTER TABLE tasks ADD COLUMN burst BOOLEAN DEFAULT false NOT NULL",
    "ALTER TABLE tasks ALTER COLUMN lane SET DEFAULT 'x'",
    "CREATE INDEX CONCURRENTLY ix ON tasks (name)",
    "CREATE OR REPLACE FUNCTION f() RETURNS trigger AS $$ BEGIN DELETE FROM tasks; END $$",
    "UPDATE alembic_version SET version_num='20990101_x'",
    "SELECT pg_catalog.pg_class.relname",
)


@pytest.mark.parametrize("statement", BREAKS)
def test_what_older_code_stumbles_over_is_stopped(statement: str) -> None:
    assert "breaks" in {finding.kind for finding in judge([statement])}


@pytest.mark.parametrize("statement", BLOCKS)
def test_what_keeps_a_table_from_others_is_stopped(statement: str) -> None:
    assert {finding.kind for finding in judge([statement])} == {"blocks"}


@pytest.mark.parametrize("statement", FINE)
def test_what_only_adds_passes(statement: str) -> None:
    assert judge([statement]) == []


def test_a_table_of_its_own_a_migration_may_treat_as_it_likes() -> None:
    own = [
        "\nCREATE TABLE metrics (\n\tid UUID NOT NULL\n)\n\n",
        "CREATE UNIQUE INDEX ix_metrics_id ON metrics (id)",
        "ALTER TABLE metrics ADD CONSTRAINT c CHECK (id IS NOT NULL)",
    ]
    assert judge(own) == []
    assert judge(own[1:]) != []


@pytest.mark.parametrize(
    ("revision", "number"),
    [("20261127_audit", 1), ("2_20270101_one_table_less", 2), ("12_20270101_x", 12),
     ("9f9f9f9f9f9f", None), ("20261127", None)],
)  # fmt: skip
def test_the_generation_stands_in_the_name(revision: str, number: int | None) -> None:
    assert generation(revision) == number
