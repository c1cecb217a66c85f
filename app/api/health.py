"""Is it alive, can it work, and how much does it do: for load balancers and Prometheus."""

from __future__ import annotations

from fastapi import Request, Response

from app.api import metrics
from app.api.contract import problems
from app.api.rights import MetricsRead
from app.api.routing import Router, public
from app.api.scraping import scraped
from app.core.version import VERSION
from app.schemas import system as schemas
from app.services.health import Health, Readiness

router = Router(base="", tags=["health"])


@router.get("/health/live", response_model=schemas.Alive)
@public
async def get_liveness() -> schemas.Alive:
    """Answers as long as the process does."""
    return schemas.Alive(version=VERSION)


@router.get(
    "/health/ready",
    response_model=schemas.Health,
    responses={503: {"description": "It cannot do its work now", "model": schemas.Health}},
)
@public
async def get_readiness(request: Request, response: Response) -> Health:
    """Whether requests can be served: 503 with reasons when the database is out of reach or its
    schema is another one; a broker that is away is named, and is no reason to stop sending.
    """
    readiness: Readiness = request.app.state.readiness
    health = await readiness.check()
    if health.status == "failed":
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return health


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(503)},
)
@scraped
async def get_metrics(_: MetricsRead, request: Request) -> Response:
    """Numbers in Prometheus' text format. What comes from the database is a few seconds old."""
    exposition: metrics.Exposition = request.app.state.metrics
    return Response(await exposition.render(), media_type=metrics.CONTENT_TYPE)
