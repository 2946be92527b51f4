"""A new password pepper for the old one, which is kept while a stored hash names it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from telehealth.platform.sealing import repository
from telehealth.platform.sealing.keyring import INSTALLATION, Keyring
from telehealth.platform.sealing.rotation import GRACE
from telehealth.platform.sealing.tables import KeyKind, KeyState


@dataclass(frozen=True, slots=True, kw_only=True)
class PepperReport:
    """What one run did."""

    active: UUID
    """The pepper that new hashes are made with from now on."""
    kept: int
    """Older ones that a hash names, or that a process may still be hashing with."""
    destroyed: int


async def rotate_pepper(
    keyring: Keyring, *, in_use: Collection[UUID], draws: bool, now: datetime
) -> PepperReport:
    """Draw a new pepper and destroy the older ones that no hash names any more.

    Hashes cannot be made anew without the password: each is at its owner's next sign-in.  Other
    processes hash with the old pepper for a minute more; it is kept for a quarter of an hour.

    Args:
        keyring: The installation's keys.
        in_use: The peppers that stored hashes name.
        draws: False: only destroy what nothing needs.
        now: Aware instant.

    Raises:
        KeysUnavailable, SealedUnreadable: The provider does not answer, or is another one; then
            the present pepper stays.
    """
    active, _ = await keyring.password_pepper()
    if draws:
        async with keyring.store.unit_of_work() as uow:
            await repository.retire(uow.session, clinic_id=INSTALLATION, key_id=active, now=now)
        keyring.forget_active()
        active, _ = await keyring.password_pepper()
    async with keyring.store.unit_of_work() as uow:
        older = await repository.unscoped_in_state(
            uow.session, KeyState.RETIRING, kind=KeyKind.PEPPER
        )
        free = [
            key.key_id
            for key in older
            if key.key_id not in in_use
            and key.retiring_at is not None
            and now - key.retiring_at >= GRACE
        ]
        kept = len(older) - len(free)
        await repository.destroy(
            uow.session, clinic_id=INSTALLATION, key_ids=free, state=KeyState.RETIRED, now=now
        )
    return PepperReport(active=active, kept=kept, destroyed=len(free))
