"""Checks one clinic's chain against heads that were kept elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from telehealth.audit import actions, repository
from telehealth.audit.chain import FIRST_SEQ, NO_PREVIOUS, ChainReport
from telehealth.audit.heads import Head, SignedHead
from telehealth.audit.tree import Frontier
from telehealth.audit.verdict import HeadWatch, Standing, Verdict
from telehealth.contract import ClinicId


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedHeads:
    """Heads of one chain, sorted by whether a key of ours has signed them."""

    heads: Sequence[Head]
    refused: int
    """Heads under no known key, with a wrong signature, or of another chain."""


def trusted(
    kept: Sequence[SignedHead], *, clinic_id: ClinicId, keys: Mapping[str, Ed25519PublicKey]
) -> TrustedHeads:
    """Check the signature of every head of one chain."""
    good = [
        signed.head
        for signed in kept
        if signed.head.clinic_id == clinic_id and signed.is_signed_by(keys)
    ]
    return TrustedHeads(heads=good, refused=len(kept) - len(good))


async def unscoped_verdict(
    session: repository.Reads,
    *,
    clinic_id: ClinicId,
    heads: Sequence[Head],
    follow: actions.Follow = actions.unscoped_follow,
) -> Verdict:
    """Follow a whole chain and compare every head with it."""
    # The tree is grown for comparing roots; without a head there is none to compare.
    watch = HeadWatch(heads, Frontier() if heads else None)
    newest = await repository.unscoped_newest_seq(session, clinic_id)
    report = await follow(
        session,
        clinic_id=clinic_id,
        after_seq=FIRST_SEQ - 1,
        previous=NO_PREVIOUS,
        to_seq=newest,
        watch=watch,
    )
    return watch.verdict(report, last_seq=report.entries)


async def unscoped_verdict_since(
    session: repository.Reads,
    *,
    clinic_id: ClinicId,
    head: Head,
    follow: actions.Follow = actions.unscoped_follow,
) -> Verdict:
    """Follow a chain from the entry a head was made of, and take the head's word for the rest.

    An entry changed in place before the head is not looked at; that it still leads to the same
    seal is.
    """
    newest = await repository.unscoped_newest_seq(session, clinic_id)
    if newest < head.size:
        return Verdict(
            standing=Standing.TRUNCATED, entries=newest, first_bad=newest + 1, upto=head.size
        )
    if await repository.unscoped_seal_at(session, clinic_id, head.size) != head.seal:
        return Verdict(standing=Standing.REWRITTEN, entries=0, first_bad=1, upto=head.size)
    report: ChainReport = await follow(
        session,
        clinic_id=clinic_id,
        after_seq=head.size,
        previous=head.seal,
        to_seq=newest,
    )
    return Verdict(
        standing=Standing.WHOLE if report.first_broken is None else Standing.BROKEN,
        entries=head.size + report.entries,
        first_bad=report.first_broken,
        heads_agreed=1,
        newest_agreed=head,
    )
