"""What a migration may not do while code of the version before still runs.

Judged are the statements that it sends to PostgreSQL, whatever they were written in.
`breaks` is what older code stumbles over; `blocks` is what keeps a table in use from others for as
long as it is large.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["breaks", "blocks"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement, and what is wrong with it."""

    kind: Kind
    why: str
    statement: str


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: Kind
    why: str
    pattern: re.Pattern[str]


def _rule(kind: Kind, why: str, pattern: str) -> _Rule:
    return _Rule(kind, why, re.compile(pattern, re.IGNORECASE))


# Of a table that was there before; one that the migration itself makes nobody uses yet.
_OF_TABLES = (
    _rule("breaks", "takes away a table", r"^DROP TABLE"),
    _rule("breaks", "empties a table", r"^TRUNCATE"),
    _rule("breaks", "takes away a column", r"^ALTER TABLE .* DROP COLUMN"),
    _rule("breaks", "gives another name", r"^ALTER (TABLE|INDEX|SEQUENCE) .* RENAME"),
    _rule("breaks", "changes a column's type", r"^ALTER TABLE .* ALTER( COLUMN)? \S+ (SET DATA )?TYPE"),
    _rule("breaks", "asks for a value that older code does not write", r"^ALTER TABLE .* SET NOT NULL"),
    _rule("breaks", "lets NULL in where older code does not expect it", r"^ALTER TABLE .* DROP NOT NULL"),
    _rule("breaks", "takes a default away that older code relies on", r"^ALTER TABLE .* DROP DEFAULT"),
    _rule(
        "breaks",
        "adds a column that older code does not write, without a default",
        r"^ALTER TABLE .* ADD( COLUMN)? (?!CONSTRAINT)(?!.*\bDEFAULT\b)(?!.*\bGENERATED\b).*NOT NULL",
    ),
    _rule(
        "breaks",
        "adds a constraint that older code knows nothing of",
        r"^ALTER TABLE .* ADD (CONSTRAINT|CHECK|UNIQUE|FOREIGN KEY|PRIMARY KEY)",
    ),
    _rule("breaks", "takes away a constraint that older code may rely on", r"^ALTER TABLE .* DROP CONSTRAINT"),
    _rule("breaks", "refuses rows that older code may write", r"^CREATE UNIQUE INDEX"),
    _rule("breaks", "changes or removes rows beside older code", r"^(UPDATE|DELETE FROM) "),
    _rule(
        "blocks",
        "writes the table anew, for the default of each row",
        r"^ALTER TABLE .* ADD( COLUMN)? .*(DEFAULT [^,]*\w+\(|\bGENERATED\b|SERIAL\b)",
    ),
    _rule("blocks", "makes an index while writers wait", r"^CREATE( UNIQUE)? INDEX (?!CONCURRENTLY)"),
    _rule("blocks", "keeps everybody out", r"^(LOCK|CLUSTER|REINDEX|VACUUM FULL)\b"),
)  # fmt: skip
# Whose table does not stand in the statement.
_OF_NAMES = (
    _rule("breaks", "takes away an index: a lookup or an ON CONFLICT may need it", r"^DROP INDEX"),
)
_TABLE = re.compile(
    r"^(?:(?:CREATE|DROP|ALTER|LOCK|TRUNCATE)(?: UNIQUE)?(?: TABLE| INDEX .*? ON)|UPDATE|DELETE FROM)"
    r'(?: IF (?:NOT )?EXISTS| ONLY| CONCURRENTLY)* "?(?P<table>\w+)"?',
    re.IGNORECASE,
)
_CREATED = re.compile(
    r'^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?"?(?P<table>\w+)"?', re.IGNORECASE
)
# Alembic's own book-keeping, and functions whose bodies are not run here.
_PASSED_OVER = re.compile(
    r"^(SELECT|SET|SHOW|(INSERT INTO|UPDATE|DELETE FROM) alembic_version"
    r"|CREATE TABLE alembic_version|CREATE (OR REPLACE )?(FUNCTION|TRIGGER)"
    r"|DROP (FUNCTION|TRIGGER))\b",
    re.IGNORECASE,
)


def judge(statements: Iterable[str]) -> list[Finding]:
    """What is wrong with the statements of one migration, in their order."""
    made: set[str] = set()
    findings: list[Finding] = []
    for statement in (" ".join(each.split()) for each in statements):
        if _PASSED_OVER.match(statement):
            continue
        if created := _CREATED.match(statement):
            made.add(created["table"])
            continue
        named = _TABLE.match(statement)
        rules = () if named and named["table"] in made else (*_OF_TABLES, *_OF_NAMES)
        findings += [
            Finding(rule.kind, rule.why, statement)
            for rule in rules
            if rule.pattern.search(statement)
        ]
    return findings
