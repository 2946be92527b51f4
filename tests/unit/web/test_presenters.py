"""Which page a visit link opens, over the full product of link and visit."""

import itertools

import pytest

from telehealth.identity.links import LinkStanding
from telehealth.visits.may_join import ComeCode
from telehealth.web.i18n import LANGUAGES, sentences
from telehealth.web.presenters import STATES, landing


@pytest.mark.parametrize(
    ("standing", "come"), list(itertools.product(LinkStanding, [*ComeCode, None]))
)
def test_every_link_opens_a_page_with_words(standing: LinkStanding, come: ComeCode | None) -> None:
    shown = landing(standing, come)
    for language in LANGUAGES:
        say = sentences(language).say
        assert say(f"patient.landing.heading.{shown.page}")
        assert say(f"patient.landing.next.{shown.page}")
        if shown.asks_birth_date:
            assert say(f"patient.landing.go.{shown.page}")


def test_what_is_wrong_with_the_link_comes_first() -> None:
    assert landing(LinkStanding.REPLACED, ComeCode.OPEN).page == "replaced"
    assert landing(LinkStanding.GOOD, None).page == "expired"


def test_only_a_good_link_asks_for_the_birth_date() -> None:
    asking = {come.value for come in ComeCode if landing(LinkStanding.GOOD, come).asks_birth_date}
    assert asking == {"open", "done"}
    assert not landing(LinkStanding.LOCKED, ComeCode.OPEN).asks_birth_date


def test_states_have_two_letters() -> None:
    assert len(STATES) == 52
    assert all(len(code) == 2 and code.isupper() for code in STATES)
