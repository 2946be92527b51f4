from collections.abc import Callable
from dataclasses import replace

import pytest

from media.contract.errors import BadSdp, FingerprintChanged, SdpFault, TooManySlots
from media.core.offer_rules import Examined, examine
from tests.support.webrtc_offers import OfferPlan, offer_text

PLAN = OfferPlan(ufrag="abcd", password="w" * 24, fingerprint="AA:BB", ssrcs={"0": 11, "1": 22})
TEXT = offer_text(PLAN)


def layout_of(examined: Examined) -> tuple[tuple[str, str], ...]:
    return tuple((section.mid, section.kind) for section in examined.offer.sections)


def test_a_trimmed_offer_of_a_browser_may_be_answered() -> None:
    examined = examine(TEXT)

    assert (examined.remote.ufrag, examined.remote.password) == ("abcd", "w" * 24)
    assert examined.remote.fingerprints == (("sha-256", "AA:BB"),)
    assert not examined.is_ice_restart


def test_an_offer_grown_to_a_full_room_may_be_answered() -> None:
    plan = OfferPlan(
        ufrag="abcd",
        password="w" * 24,
        fingerprint="AA",
        ssrcs={},
        audio_slots=11,
        video_slots=12,
    )

    assert len(examine(offer_text(plan)).offer.sections) == 26


def test_facts_of_the_session_stand_for_every_section() -> None:
    transport = "a=ice-ufrag:abcd\r\na=ice-pwd:" + "w" * 24 + "\r\na=setup:active\r\n"
    lines = [
        line
        for line in TEXT.split("\r\n")
        if not line.startswith(("a=ice-", "a=setup", "a=fingerprint"))
    ]
    text = "\r\n".join(lines).replace(
        "a=msid-semantic", transport + "a=fingerprint:sha-256 aa:bb\r\na=msid-semantic"
    )

    assert examine(text).remote.fingerprints == (("sha-256", "AA:BB"),)


def test_new_credentials_are_an_ice_restart_and_the_same_are_not() -> None:
    known = examine(TEXT)
    fresh = TEXT.replace("a=ice-ufrag:abcd", "a=ice-ufrag:efgh")

    assert not examine(TEXT, layout=layout_of(known), known=known.remote).is_ice_restart
    assert examine(fresh, layout=layout_of(known), known=known.remote).is_ice_restart


def test_a_re_offer_under_another_certificate_is_a_new_peer() -> None:
    known = examine(TEXT)

    with pytest.raises(FingerprintChanged):
        examine(TEXT.replace("AA:BB", "AA:BC"), known=known.remote)


def test_a_re_offer_may_add_sections_and_take_none_away() -> None:
    known = examine(TEXT)
    shorter = offer_text(
        OfferPlan(ufrag="abcd", password="w" * 24, fingerprint="AA:BB", ssrcs={}, video_slots=3)
    )
    fewer = examine(shorter)

    grown = examine(TEXT, layout=layout_of(fewer), known=fewer.remote)
    assert len(grown.offer.sections) == 10
    with pytest.raises(BadSdp) as refused:
        examine(shorter, layout=layout_of(known), known=known.remote)
    assert refused.value.fault is SdpFault.SECTIONS_CHANGED


def test_a_fourth_send_section_is_too_many() -> None:
    with pytest.raises(TooManySlots):
        examine(TEXT.replace("a=recvonly", "a=sendonly", 1))


@pytest.mark.parametrize(("audio_slots", "video_slots"), [(12, 0), (0, 13)])
def test_more_slots_than_a_room_has_seats_are_too_many(audio_slots: int, video_slots: int) -> None:
    plan = replace(PLAN, audio_slots=audio_slots, video_slots=video_slots)

    with pytest.raises(TooManySlots):
        examine(offer_text(plan))


def test_what_is_switched_off_need_not_fit() -> None:
    """A rejected section keeps port 0 and whatever the browser left in it."""
    head, _, last = TEXT.rpartition("m=video 9")
    text = head + "m=video 0" + last.replace("abcd", "zzzz")

    assert examine(text).remote.ufrag == "abcd"


def test_a_data_section_shares_the_transport_without_being_rtp() -> None:
    bundled = TEXT.replace("a=group:BUNDLE 0", "a=group:BUNDLE d 0")
    text = bundled + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n"

    assert len(examine(text).offer.sections) == 11


CHANGES: dict[str, tuple[Callable[[str], str], SdpFault]] = {
    "no section": (lambda text: text.split("m=audio")[0], SdpFault.SYNTAX),
    "no mid": (lambda text: text.replace("a=mid:3\r\n", ""), SdpFault.SYNTAX),
    "mid twice": (lambda text: text.replace("a=mid:3\r\n", "a=mid:4\r\n"), SdpFault.DUPLICATE_MID),
    "no bundle": (lambda text: text.replace("a=group:BUNDLE", "a=group:LS"), SdpFault.NO_BUNDLE),
    "one outside": (
        lambda text: text.replace("BUNDLE 0 1 2 3", "BUNDLE 0 1 2"),
        SdpFault.NO_BUNDLE,
    ),
    "all off": (
        lambda text: text.replace("m=audio 9", "m=audio 0").replace("m=video 9", "m=video 0"),
        SdpFault.FIRST_SECTION,
    ),
    "other protocol": (
        lambda text: text.replace("9 UDP/TLS/RTP/SAVPF", "9 RTP/SAVPF", 1),
        SdpFault.TRANSPORT,
    ),
    "no rtcp-mux": (lambda text: text.replace("a=rtcp-mux\r\n", "", 1), SdpFault.TRANSPORT),
    "no ufrag": (lambda text: text.replace("a=ice-ufrag:abcd\r\n", ""), SdpFault.ICE),
    "no password": (
        lambda text: text.replace("a=ice-pwd:" + "w" * 24 + "\r\n", ""),
        SdpFault.ICE,
    ),
    "ufrags differ": (
        lambda text: text[::-1].replace("abcd"[::-1], "zzzz", 1)[::-1],
        SdpFault.ICE,
    ),
    "passwords differ": (
        lambda text: text[::-1].replace("w" * 24, "v" * 24, 1)[::-1],
        SdpFault.ICE,
    ),
    "fingerprints differ": (
        lambda text: text[::-1].replace("BB:AA", "CC:AA", 1)[::-1],
        SdpFault.ICE,
    ),
    "passive": (lambda text: text.replace("setup:actpass", "setup:passive"), SdpFault.SETUP),
    "no setup": (lambda text: text.replace("a=setup:actpass\r\n", ""), SdpFault.SETUP),
    "no fingerprint": (
        lambda text: text.replace("a=fingerprint:sha-256 AA:BB\r\n", ""),
        SdpFault.FINGERPRINT,
    ),
    "weak hash only": (lambda text: text.replace("sha-256", "sha-1"), SdpFault.FINGERPRINT),
    "keys in clear": (
        lambda text: text.replace(
            "a=mid:3", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=mid:3"
        ),
        SdpFault.SDES,
    ),
}


@pytest.mark.requirement("SEC-MEDIA-05")
@pytest.mark.parametrize("change", CHANGES)
def test_an_offer_that_breaks_a_rule_of_the_transport_is_refused(change: str) -> None:
    break_it, expected = CHANGES[change]

    with pytest.raises(BadSdp) as refused:
        examine(break_it(TEXT))

    assert refused.value.fault is expected
