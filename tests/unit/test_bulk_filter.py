"""The filter of a bulk operation is the one of the list."""

from __future__ import annotations

from inspect import signature

from app.api.v1.parameters import Filter
from app.domain.bulk import REASONS, BulkOutcome
from app.schemas.bulk_operation import MAX_IDS, BulkFilter
from app.services import bulk_operations


def test_it_takes_what_the_list_takes() -> None:
    (depends,) = Filter.__metadata__  # type: ignore[attr-defined]
    listed = set(signature(depends.dependency).parameters) - {"caller"}
    assert set(BulkFilter.model_fields) == listed


def test_as_many_ids_may_be_sent_as_are_taken() -> None:
    assert MAX_IDS <= bulk_operations.MAX_TASKS


def test_a_task_to_which_nothing_was_done_has_a_reason() -> None:
    done = {"revoked", "retried", "deleted", "stopping"}
    assert {each.value for each in BulkOutcome} - done - {"refused"} == set(REASONS)
