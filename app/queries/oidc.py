"""Statements about users whom an identity provider knows."""

from __future__ import annotations

import uuid

from sqlalchemy import Update, update

from app.models import User


def set_role(user_id: uuid.UUID, role: str) -> Update:
    """The role that the provider names now."""
    return update(User).where(User.id == user_id, User.role != role).values(role=role)
