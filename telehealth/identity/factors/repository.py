"""Every query of second factors and of sign-ins under way.

None of them starts at `visible_to`: an account's factors are asked for by its own door and by
nobody else, for an account that was found there.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from telehealth.identity.factors.tables import (
    AuthenticatorApp,
    Passkey,
    PasskeyChallenge,
    PasswordLink,
    PendingSignIn,
    RecoveryCode,
)


async def unscoped_app(session: AsyncSession, account_id: UUID) -> AuthenticatorApp | None:
    """Return the authenticator app of an account, confirmed or not."""
    return await session.scalar(
        select(AuthenticatorApp).where(AuthenticatorApp.account_id == account_id)
    )


async def unscoped_passkeys(session: AsyncSession, account_id: UUID) -> Sequence[Passkey]:
    """Return the passkeys of an account."""
    statement = select(Passkey).where(Passkey.account_id == account_id)
    return list(await session.scalars(statement.order_by(Passkey.id)))


async def unscoped_passkey(session: AsyncSession, credential_id: bytes) -> Passkey | None:
    """Return a passkey by what its device calls it."""
    return await session.scalar(select(Passkey).where(Passkey.credential_id == credential_id))


async def unscoped_recovery_codes(session: AsyncSession, account_id: UUID) -> Sequence[datetime]:
    """Return when the codes that are left were made."""
    statement = select(RecoveryCode.made_at).where(
        RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None)
    )
    return list(await session.scalars(statement))


async def unscoped_use_recovery_code(
    session: AsyncSession, account_id: UUID, code_hash: bytes, *, now: datetime
) -> bool:
    """Use up a recovery code; False: not one of this account, or used."""
    used = await session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.account_id == account_id,
            RecoveryCode.code_hash == code_hash,
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
        .execution_options(synchronize_session=False)
    )
    return used.first() is not None


async def unscoped_factor_ids(session: AsyncSession, account_id: UUID) -> Sequence[UUID]:
    """Return the factors of an account that let in; recovery codes are none."""
    app = select(AuthenticatorApp.id).where(
        AuthenticatorApp.account_id == account_id, AuthenticatorApp.added_at.is_not(None)
    )
    passkeys = select(Passkey.id).where(Passkey.account_id == account_id)
    return [*(await session.scalars(app)), *(await session.scalars(passkeys))]


async def unscoped_forget_factors(session: AsyncSession, account_id: UUID) -> None:
    """Remove every factor of an account."""
    for table in (AuthenticatorApp, Passkey, RecoveryCode):
        await session.execute(delete(table).where(table.account_id == account_id))


async def unscoped_forget_recovery_codes(session: AsyncSession, account_id: UUID) -> None:
    """Remove the recovery codes of an account."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


async def unscoped_forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Remove challenges and sign-ins whose time is over."""
    await session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.expires_at < now))
    await session.execute(delete(PendingSignIn).where(PendingSignIn.expires_at < now))


async def unscoped_use_challenge(
    session: AsyncSession, challenge_id: UUID, *, now: datetime
) -> PasskeyChallenge | None:
    """Use up a challenge, whatever comes of it; None: unknown, used or too old."""
    used = await session.execute(
        update(PasskeyChallenge)
        .where(
            PasskeyChallenge.id == challenge_id,
            PasskeyChallenge.used_at.is_(None),
            PasskeyChallenge.expires_at > now,
        )
        .values(used_at=now)
        .returning(PasskeyChallenge.id)
        .execution_options(synchronize_session=False)
    )
    if used.first() is None:
        return None
    return await session.scalar(select(PasskeyChallenge).where(PasskeyChallenge.id == challenge_id))


async def unscoped_pending(session: AsyncSession, secret_hash: bytes) -> PendingSignIn | None:
    """Return a sign-in that waits, or waited, for its second step."""
    return await session.scalar(
        select(PendingSignIn).where(PendingSignIn.secret_hash == secret_hash)
    )


async def unscoped_use_pending(session: AsyncSession, secret_hash: bytes, *, now: datetime) -> bool:
    """Use up a waiting sign-in; False: used or too old."""
    used = await session.execute(
        update(PendingSignIn)
        .where(
            PendingSignIn.secret_hash == secret_hash,
            PendingSignIn.used_at.is_(None),
            PendingSignIn.expires_at > now,
        )
        .values(used_at=now)
        .returning(PendingSignIn.secret_hash)
        .execution_options(synchronize_session=False)
    )
    return used.first() is not None


async def unscoped_drop_under_way(
    session: AsyncSession, account_id: UUID, *, now: datetime
) -> None:
    """Use up every sign-in and every set-password link of an account."""
    for table in (PendingSignIn, PasswordLink):
        await session.execute(
            update(table)
            .where(table.account_id == account_id, table.used_at.is_(None))
            .values(used_at=now)
            .execution_options(synchronize_session=False)
        )


async def unscoped_password_link(session: AsyncSession, secret_hash: bytes) -> PasswordLink | None:
    """Return a set-password link, used or not."""
    return await session.scalar(select(PasswordLink).where(PasswordLink.secret_hash == secret_hash))


async def unscoped_use_password_link(
    session: AsyncSession, secret_hash: bytes, *, now: datetime
) -> bool:
    """Use up a set-password link; False: used or too old."""
    used = await session.execute(
        update(PasswordLink)
        .where(
            PasswordLink.secret_hash == secret_hash,
            PasswordLink.used_at.is_(None),
            PasswordLink.expires_at > now,
        )
        .values(used_at=now)
        .returning(PasswordLink.secret_hash)
        .execution_options(synchronize_session=False)
    )
    return used.first() is not None
