"""Statistics and reports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Path, Query
from starlette.responses import HTMLResponse, Response

from app.api.contract import problems
from app.api.rights import TasksRead
from app.api.routing import Router
from app.api.sessions import ReadDb
from app.schemas import statistics as schemas
from app.schemas.common import FunctionName, QueryInt, QueueName, TaskType, Time
from app.services import report as reports
from app.services import report_page
from app.services import statistics as service
from app.services.statistics import Bucket, GroupBy, Wanted

router = Router(tags=["statistics"])

From = Annotated[Time | None, Query(alias="from", description="Default: 24 buckets before `to`.")]
To = Annotated[Time | None, Query(alias="to", description="Default: now.")]
_OTHER_FORMATS = {
    "text/csv": {"schema": {"type": "string"}},
    "text/html": {"schema": {"type": "string"}},
}


def _wanted(
    caller: TasksRead,
    task_type: Annotated[TaskType | None, Query()] = None,
    celery_task_name: Annotated[FunctionName | None, Query()] = None,
    queue: Annotated[QueueName | None, Query()] = None,
) -> Wanted:
    return Wanted(caller.owner, task_type, celery_task_name, queue)


Chosen = Annotated[Wanted, Depends(_wanted)]


@router.get("/stats", response_model=schemas.Statistics)
async def get_statistics(
    wanted: Chosen,
    db: ReadDb,
    begin: From = None,
    end: To = None,
    bucket: Annotated[Bucket, Query(description="Hours are kept 35 days.")] = Bucket.HOUR,
    group_by: Annotated[GroupBy | None, Query()] = None,
    groups: Annotated[
        QueryInt,
        Query(
            ge=1,
            le=service.MAX_GROUPS,
            description="At most so many groups; the rest is put together as `(other)`.",
        ),
    ] = 20,
) -> service.Statistics:
    """Count what happened to tasks and how long it took, by time and by group.

    Widened to whole buckets in UTC, at most 750 of them. Operators see everybody's figures, users
    their own. The figures follow what happens by a few seconds.
    """
    return await service.statistics(
        db, wanted, begin=begin, end=end, bucket=bucket, group_by=group_by, groups=groups
    )


@router.get("/reports", response_model=list[schemas.ReportKind])
async def list_reports(_: TasksRead) -> list[reports.Kind]:
    """List the reports there are."""
    return list(reports.KINDS.values())


@router.get(
    "/reports/{kind}",
    response_model=schemas.Report,
    responses={200: {"content": _OTHER_FORMATS}, **problems(404)},
)
async def get_report(
    wanted: Chosen,
    kind: Annotated[str, Path(examples=["overview"], max_length=100)],
    db: ReadDb,
    begin: From = None,
    end: To = None,
    bucket: Annotated[Bucket, Query()] = Bucket.DAY,
    as_format: Annotated[Literal["json", "csv", "html"], Query(alias="format")] = "json",
) -> reports.Report | Response:
    """Get a report: as JSON, as CSV for spreadsheets, or as a page to print."""
    shown = await reports.report(db, kind, wanted, begin=begin, end=end, bucket=bucket)
    if as_format == "csv":
        return _download(reports.as_csv(shown), f"{kind}-{_day(shown.statistics.begins_at)}.csv")
    if as_format == "html":
        policy = {"Content-Security-Policy": report_page.POLICY}
        return HTMLResponse(report_page.as_html(shown), headers=policy)
    return shown


def _download(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv", headers=headers)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
