"""When whoever holds a login session last proved that it is them; for acts that need it fresh."""

from datetime import datetime
from uuid import UUID

from telehealth.identity import repository
from telehealth.platform.db import UnitOfWork


async def proved_at(uow: UnitOfWork, *, session_id: UUID | None) -> datetime | None:
    """Return the instant of the latest proof in a login session.

    Today that is the sign-in itself; a second factor asked for later in the session is newer.
    """
    if session_id is None:
        return None
    session = await repository.unscoped_session(uow.session, session_id)
    return None if session is None else session.started_at
