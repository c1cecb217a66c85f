"""Names for statements whose rows are read by column name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate

Rows = Select[*tuple[Any, ...]]
UpdatedRows = ReturningUpdate[*tuple[Any, ...]]
DeletedRows = ReturningDelete[*tuple[Any, ...]]
InsertedRows = ReturningInsert[*tuple[Any, ...]]
