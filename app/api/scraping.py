"""Who may read the metrics: whoever has the scope, and who sends `METRICS_TOKEN`."""

from __future__ import annotations

import hmac
import uuid

from fastapi import Request

from app.api.routing import ROUTE_CLASS, Endpoint, StrictRoute
from app.core.config import get_settings
from app.core.security import Principal, Role, Scope

# Nobody's account; it exists on no other route.
SCRAPER = Principal(
    user_id=uuid.UUID(int=0),
    email="METRICS_TOKEN",
    role=Role.OPERATOR,
    scopes=frozenset({Scope.METRICS_READ}),
)


def scraped(endpoint: Endpoint) -> Endpoint:
    """Serve this endpoint to whoever sends `METRICS_TOKEN`, too."""
    setattr(endpoint, ROUTE_CLASS, ScrapedRoute)
    return endpoint


class ScrapedRoute(StrictRoute):
    """A strict route that knows one more caller, without the database.

    A token of a user's is looked up there, so with the database away nobody could read that it is.
    """

    async def caller(self, request: Request, *, may_view: bool) -> Principal:
        """Who asks. Raises `Unauthorized`."""
        if _is_scraper(request):
            return SCRAPER
        return await super().caller(request, may_view=may_view)


def _is_scraper(request: Request) -> bool:
    wanted = get_settings().metrics_token
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if not wanted or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), wanted.encode())
