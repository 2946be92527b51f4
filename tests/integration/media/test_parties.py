"""Three people, then ten: they join, grow, share a screen, are muted, leave, return."""

from dataclasses import replace

from media.contract.control import SetWants, Source, Want
from tests.support.headless_peer import HeadlessPeer, Stream
from tests.support.media_commands import attach, mute, publish
from tests.support.media_lab import ROOM, Call, MediaLab, media_lab, until
from tests.support.webrtc_offers import read_answer

PEOPLE = 10
SCREEN = Stream("2", 777_777, 96)
PRIORITY = {Source.MIC: 100, Source.SCREEN: 90, Source.CAMERA: 50}


class Party:
    """A room in which people come and go, each wishing for everything of everybody else."""

    def __init__(self, lab: MediaLab) -> None:
        self.lab = lab
        self.peers: dict[str, HeadlessPeer] = {}
        self.offers: dict[str, int] = {}
        self._sources: dict[str, list[Source]] = {}
        lab.open_room()

    async def join(self, name: str, *, epoch: int = 1) -> HeadlessPeer:
        """Come in with the slots of a small room."""
        peer = HeadlessPeer(name)
        self.lab.done(attach(name, attach_epoch=epoch))
        await peer.connect(self.lab.offer(name, peer.offer(), epoch=epoch))
        self.peers[name], self.offers[name] = peer, 1
        self._sources[name] = []
        for source in (Source.MIC, Source.CAMERA):
            self.publish(name, source)
        return peer

    def publish(self, name: str, source: Source) -> None:
        """Say that a section is on."""
        self.lab.done(publish(name, source))
        self._sources[name].append(source)

    def grow(self, name: str) -> None:
        """Offer once more, with slots for ten people behind those agreed on."""
        peer = self.peers[name]
        plan = peer.plan
        more = (PEOPLE - 1 - plan.audio_slots, PEOPLE - plan.video_slots)
        peer.plan = replace(plan, grown=more)
        self.offers[name] += 1
        answer = self.lab.offer(name, peer.offer(), offer_id=self.offers[name])
        before, peer.answer = peer.answer, read_answer(answer)
        assert before is not None
        kept = {mid: peer.answer.slot_ssrcs[mid] for mid in before.slot_ssrcs}
        assert kept == before.slot_ssrcs, "a slot keeps its stream for life"
        assert len(peer.answer.slot_ssrcs) == 2 * PEOPLE - 1

    async def leave(self, name: str) -> HeadlessPeer:
        """Go; the peer is returned, closed, with what it received."""
        self.lab.detach(name)
        peer = self.peers.pop(name)
        del self._sources[name]
        await peer.close(is_polite=False)
        return peer

    def settle(self) -> Call:
        """Wish and acknowledge, everybody; begin to count."""
        mids = {}
        for name in self.peers:
            wants = tuple(
                Want(publication_id=f"{other}.{source}", priority=PRIORITY[source])
                for other, sources in self._sources.items()
                for source in sources
                if other != name
            )
            self.lab.done(
                SetWants(
                    request_id=self.lab.request_id(),
                    room_id=ROOM,
                    room_epoch=1,
                    participant_id=name,
                    attach_epoch=1,
                    wants=wants,
                )
            )
            mids[name] = self.lab.ack(name)
        for peer in self.peers.values():
            peer.received.clear()
        return Call(self.lab, ROOM, dict(self.peers), mids)

    async def close(self) -> None:
        """Close what is left."""
        for peer in self.peers.values():
            await peer.close()


async def test_three_people_share_a_screen_by_the_first_offer_alone() -> None:
    async with media_lab() as lab:
        party = Party(lab)
        for name in ("patient", "provider", "interpreter"):
            await party.join(name)
        call = party.settle()
        await call.talk(0.6, fps=10)
        await call.nothing_was_lost()
        assert all(call.seen(a, b) for a in party.peers for b in party.peers if a != b)

        party.publish("provider", Source.SCREEN)
        call = party.settle()
        await show_screen(party, call, "provider")
        assert set(party.offers.values()) == {1}
        await party.close()


async def test_ten_people_come_grow_share_fall_silent_leave_and_return() -> None:
    async with media_lab() as lab:
        party = Party(lab)
        names = [f"person-{number}" for number in range(PEOPLE)]
        for name in names:
            await party.join(name)
        for name in names:
            party.grow(name)
        call = party.settle()
        assert {len(mids) for mids in call.mids.values()} == {2 * (PEOPLE - 1)}
        await call.talk(0.6, fps=5)
        await call.nothing_was_lost()

        party.publish("person-0", Source.SCREEN)
        call = party.settle()
        await show_screen(party, call, "person-0")

        await nobody_hears_the_muted(party, "person-1")

        gone = await party.leave("person-2")
        received = sum(map(len, gone.received.values()))
        call = party.settle()
        await call.talk(0.4, fps=5)
        await call.nothing_was_lost()
        assert sum(map(len, gone.received.values())) == received
        assert not any("person-2." in each for mids in call.mids.values() for each in mids)

        await party.join("person-late")
        party.grow("person-late")
        call = party.settle()
        await call.talk(0.4, fps=5)
        await call.nothing_was_lost()
        assert set(party.offers.values()) == {1 + 1}
        await party.close()


async def show_screen(party: Party, call: Call, name: str) -> None:
    """Everybody else gets the screen, in the slot whose map names it."""
    sharer = party.peers[name]
    others = [other for other in party.peers if other != name]

    def all_have_it() -> bool:
        sharer.send_raw(sharer.protect(SCREEN, b"\x10\x10\x02\x00\x9d\x01\x2a", is_last=True))
        SCREEN.timestamp += 3_000
        return all(
            party.peers[other].received[call.mids[other][f"{name}.screen"]] for other in others
        )

    await until(all_have_it, within_s=5.0)


async def nobody_hears_the_muted(party: Party, name: str) -> None:
    """What is sent while muted reaches nobody; the rest of the room goes on; then it is back."""
    party.lab.done(mute(name, f"{name}.mic", is_muted=True))
    call = party.settle()
    await call.talk(0.3, fps=5)
    others = [other for other in party.peers if other != name]
    assert [call.heard(other, name) for other in others] == [[]] * len(others)
    assert all(call.heard(one, other) for one in others for other in others if one != other)

    party.lab.done(mute(name, f"{name}.mic", is_muted=False))
    call = party.settle()
    await call.talk(0.3, fps=5)
    await call.nothing_was_lost()
