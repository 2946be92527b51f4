"""Which peppers the stored password hashes name; for the operator's commands."""

from uuid import UUID

from telehealth.identity import repository
from telehealth.identity.passwords import pepper_of


async def peppers_in_use(session: repository.Reads) -> set[UUID]:
    """Return the peppers without which some password could not be checked any more."""
    marks = await repository.unscoped_hash_marks(session)
    return {found for mark in marks if (found := pepper_of(mark)) is not None}
