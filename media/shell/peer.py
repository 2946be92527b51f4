"""One participant's connection: negotiation, ICE and DTLS, joined to the engine.

A peer is made by an attach, learns its sections by offers, finds its path by checks, takes its
keys from one DTLS association, and ends once.  Nothing here looks at a packet of media.
Not here: rooms and who hears whom (`node`), the shared socket (`udp_mux`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from media.contract.control import Source
from media.contract.errors import (
    CloseReason,
    DtlsRefused,
    DtlsTimedOut,
    FingerprintMismatch,
    LocalMisuse,
)
from media.core.engine_face import Addr, Engine, PeerKey, SrtpProfile
from media.core.ice_lite import (
    CONNECT_LIMIT_S,
    CONSENT_QUIET_S,
    Credentials,
    Ended,
    IceEffect,
    IceLite,
    Liveness,
    Lost,
    PathChanged,
    Recovered,
    SendTo,
    Suspect,
    Verdict,
)
from media.core.negotiate import Agreement, Ours, agree
from media.core.offer_rules import examine
from media.core.stun import BindingRequest
from media.shell import dtls_seam
from media.shell.recorder import Recorder
from media.shell.udp_mux import UdpMux

ASSOCIATIONS_MAX: Final = 3
"""A hello with another random than the first begins anew this often, then it is dropped: a
forged hello that came first costs the client one round trip, not the visit."""
DTLS_PER_S_CONNECTING: Final = 64
DTLS_PER_S_CONNECTED: Final = 20
_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Connected:
    """ICE and DTLS are up, or a lost peer is heard again."""

    profile: SrtpProfile


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer ended by itself; the node forgets it."""

    reason: CloseReason


PeerNews: TypeAlias = Connected | Suspect | Lost | Closed


class Spawn(Protocol):
    """Runs a coroutine until it ends or the node stops."""

    def __call__(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start it; the caller may cancel the task."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """What all peers of a node share."""

    engine: Engine
    mux: UdpMux
    certificate: dtls_seam.NodeCertificate
    candidates: tuple[tuple[str, int], ...]
    spawn: Spawn
    recorder: Recorder = field(default_factory=Recorder)


class Peer:
    """A participant's connection; `news` is told what happened, never called after `close`."""

    def __init__(
        self,
        *,
        key: PeerKey,
        plant: Plant,
        may_publish: frozenset[Source],
        cname: str,
        news: Callable[[PeerNews], None],
        now: float,
    ) -> None:
        self.key = key
        self.may_publish = may_publish
        self.agreement: Agreement | None = None
        self._plant = plant
        self._cname = cname
        self._news = news
        self._session_id = dtls_seam.draw_session_id()
        self._ice: IceLite | None = None
        self._path = PathChanged(frozenset(), None)
        self._association: dtls_seam.DtlsAssociation | None = None
        self._task: asyncio.Task[None] | None = None
        self._hello_random: bytes | None = None
        self._associations = 0
        self._dtls_addr: Addr | None = None
        self._dtls_rate = (now, 0)
        self._connect_by: float | None = None
        self._profile: SrtpProfile | None = None
        self._is_closed = False
        plant.engine.open_peer(key, now=now)

    @property
    def is_connected(self) -> bool:
        """Whether the handshake has given keys."""
        return self._profile is not None

    @property
    def path_state(self) -> str:
        """How long ago the client was heard: new, live, suspect or lost."""
        return Liveness.NEW.value if self._ice is None else self._ice.liveness.value

    def negotiate(self, text: str, *, now: float) -> str:
        """Answer an offer; the first starts the connect limit, one with new credentials ICE.

        Raises:
            PeerViolation: The offer cannot be answered; nothing has changed.
        """
        previous = self.agreement
        examined = examine(
            text,
            layout=() if previous is None else previous.layout,
            known=None if previous is None else previous.remote,
        )
        is_new_generation = self._ice is None or examined.is_ice_restart
        credentials = self._draw_credentials() if is_new_generation else self._machine.ours
        ours = Ours(
            credentials=credentials,
            fingerprint=self._plant.certificate.fingerprint_sha256,
            candidates=self._plant.candidates,
            session_id=self._session_id,
            cname=self._cname,
            may_publish=self.may_publish,
            draw_ssrc=dtls_seam.draw_ssrc,
        )
        self.agreement = agree(examined, previous, ours)
        self._plant.engine.set_facts(self.key, self.agreement.facts)
        if self._ice is None:
            theirs = examined.remote.ufrag
            self._ice = self._plant.recorder.ice(
                IceLite(ours=credentials, theirs_ufrag=theirs, now=now),
                peer=self.key,
                ours=credentials,
                theirs_ufrag=theirs,
                now=now,
            )
            self._connect_by = now + CONNECT_LIMIT_S
        elif is_new_generation:
            self._ice.restart(credentials, examined.remote.ufrag, now=now)
        self._obey(now)
        return self.agreement.answer

    def on_check(self, check: BindingRequest, addr: Addr, *, now: float) -> Verdict:
        """Take a check that names one of our ufrags."""
        verdict = self._machine.on_check(check, addr, now=now)
        self._obey(now)
        return verdict

    def on_dtls(self, data: bytes, addr: Addr, *, now: float) -> bool:
        """Take a DTLS datagram of a validated address; False if it was dropped."""
        is_connected = self._profile is not None
        if not self._may_take_dtls(is_connected=is_connected, now=now):
            return False
        if not is_connected and not self._pin_dtls(addr):
            return False
        random = None if is_connected else dtls_seam.client_random(data)
        if random is not None and random != self._hello_random:
            if self._associations >= ASSOCIATIONS_MAX:
                return False
            self._begin_association(random)
        return self._association is not None and self._association.feed(data)

    def on_media(self, *, now: float) -> None:
        """Take the engine's word that a packet of this peer was authentic."""
        self._machine.on_media(now=now)
        self._obey(now)

    @property
    def deadline(self) -> float:
        """When `on_tick` is owed, unless a datagram or a command changes it."""
        ice = _NEVER if self._ice is None else self._ice.deadline
        return ice if self._connect_by is None else min(ice, self._connect_by)

    def on_tick(self, *, now: float) -> None:
        """Do what is due."""
        if self._ice is not None and now >= self._ice.deadline:
            self._ice.on_deadline(now=now)
            self._obey(now)
        if self._connect_by is not None and now >= self._connect_by:
            self._fail(CloseReason.DTLS_TIMEOUT)

    def holds_its_addresses(self, *, now: float) -> bool:
        """Say whether another peer's check must not take an address over."""
        return self._machine.was_heard_within(CONSENT_QUIET_S, now=now)

    def forget(self, addr: Addr, *, now: float) -> None:
        """Give an address up that another peer has proven to hold."""
        self._machine.forget(addr, now=now)
        self._obey(now)

    def close(self) -> None:
        """End at once: not one packet flows afterwards.  Idempotent; tells no news."""
        if self._is_closed:
            return
        self._is_closed = True
        self._connect_by = None
        self._plant.engine.close_peer(self.key)
        self._plant.mux.drop(self)
        if self._task is not None:
            self._task.cancel()
        if self._association is not None and self._profile is not None:
            self._plant.spawn(self._association.end())  # close_notify, to the last path

    @property
    def _machine(self) -> IceLite:
        if self._ice is None:
            raise LocalMisuse
        return self._ice

    def _draw_credentials(self) -> Credentials:
        credentials = dtls_seam.draw_credentials()
        while self._plant.mux.has_ufrag(credentials.ufrag):
            credentials = dtls_seam.draw_credentials()
        return credentials

    def _obey(self, now: float) -> None:
        """Do every effect of the ICE machine, then let the mux know our ufrags."""
        for effect in self._machine.take_effects():
            if not self._is_closed:
                self._do(effect, now)
        if not self._is_closed:
            self._plant.mux.set_ufrags(self, self._machine.ufrags)

    def _do(self, effect: IceEffect, now: float) -> None:
        match effect:
            case SendTo(addr=addr, data=data):
                self._plant.mux.send(addr, data)
            case PathChanged():
                self._move_to(effect, now)
            case Recovered():
                if self._profile is not None:
                    self._news(Connected(self._profile))
            case Ended(reason=reason):
                self._fail(reason)
            case _:
                if self._profile is not None:
                    self._news(effect)

    def _move_to(self, path: PathChanged, now: float) -> None:
        self._path = path
        self._plant.mux.set_addresses(self, path.valid, now=now)
        self._plant.engine.set_path(self.key, path.valid, path.selected)

    def _may_take_dtls(self, *, is_connected: bool, now: float) -> bool:
        since, count = self._dtls_rate
        since, count = (since, count + 1) if now < since + 1.0 else (now, 1)
        self._dtls_rate = (since, count)
        return count <= (DTLS_PER_S_CONNECTED if is_connected else DTLS_PER_S_CONNECTING)

    def _pin_dtls(self, addr: Addr) -> bool:
        """A handshake belongs to the tuple that began it, or to the one since selected."""
        if self._dtls_addr not in self._path.valid or addr == self._path.selected:
            self._dtls_addr = addr
        return addr == self._dtls_addr

    def _begin_association(self, random: bytes) -> None:
        if self._task is not None:
            self._task.cancel()
        self._hello_random = random
        self._associations += 1
        association = dtls_seam.DtlsAssociation(self._plant.certificate, self._send_dtls)
        self._association = association
        self._task = self._plant.spawn(self._serve(association))

    def _send_dtls(self, data: bytes) -> None:
        addr = self._dtls_addr if self._profile is None else self._path.selected
        if addr is not None:
            self._plant.mux.send(addr, data)

    async def _serve(self, association: dtls_seam.DtlsAssociation) -> None:
        """Shake hands, hand the keys over, wait for the client's close_notify."""
        assert self.agreement is not None  # noqa: S101  (no check is valid before an answer)
        try:
            keys = await association.establish(self.agreement.remote.fingerprints)
        except DtlsTimedOut:
            self._fail(CloseReason.DTLS_TIMEOUT)
        except FingerprintMismatch:
            self._fail(CloseReason.FINGERPRINT_MISMATCH)
        except DtlsRefused:
            # What the client sends again may begin anew: the failure may be a forger's doing.
            self._association = self._hello_random = None
            if self._associations >= ASSOCIATIONS_MAX:
                self._fail(CloseReason.DTLS_FAILED)
        else:
            self._profile = keys.profile
            self._connect_by = None
            self._plant.engine.set_keys(self.key, keys)
            self._news(Connected(keys.profile))
            await association.closed
            self._fail(CloseReason.CLOSED_BY_CLIENT)

    def _fail(self, reason: CloseReason) -> None:
        if not self._is_closed:
            self.close()
            self._news(Closed(reason))
