"""Workers: who is alive and what they do."""

from __future__ import annotations

from app.api.rights import WorkersRead
from app.api.routing import Router
from app.api.sessions import ReadDb
from app.schemas.system import Worker
from app.services import worker as workers
from app.services.catalogue import catalogue

router = Router(prefix="/workers", tags=["workers"])


@router.get("", response_model=list[Worker])
async def list_workers(_: WorkersRead, db: ReadDb) -> list[Worker]:
    """List workers: slots, running tasks, heartbeat, CPU, memory, version."""
    own = catalogue().hash
    return [
        Worker(
            **{name: getattr(row, name) for name in Worker.model_fields if hasattr(row, name)},
            live=live,
            catalogue_matches=row.catalogue_hash == own,
        )
        for row, live in await workers.list_workers(db)
    ]
