"""From facts to what a page shows.  Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from telehealth.identity.links import LinkStanding
from telehealth.visits.may_join import ComeCode

STATES: Final[Mapping[str, str]] = {
    "AL": "Alabama",
    "AK": "Alaska",
    "AZ": "Arizona",
    "AR": "Arkansas",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DE": "Delaware",
    "DC": "District of Columbia",
    "FL": "Florida",
    "GA": "Georgia",
    "HI": "Hawaii",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "IA": "Iowa",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "ME": "Maine",
    "MD": "Maryland",
    "MA": "Massachusetts",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MS": "Mississippi",
    "MO": "Missouri",
    "MT": "Montana",
    "NE": "Nebraska",
    "NV": "Nevada",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "PR": "Puerto Rico",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VT": "Vermont",
    "VA": "Virginia",
    "WA": "Washington",
    "WV": "West Virginia",
    "WI": "Wisconsin",
    "WY": "Wyoming",
}
"""Where a patient may say to be; names are the same in both languages.  Source: USPS Pub. 28."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Which page a visit link opens, before anybody is known."""

    page: str
    """open, early, late, done, cancelled, replaced, expired, locked."""

    @property
    def asks_birth_date(self) -> bool:
        """Whether this page has the birth date form: a Done visit can still be looked at."""
        return self.page in {"open", "done"}


def landing(standing: LinkStanding, come: ComeCode | None) -> Landing:
    """Choose the page of a visit link; what is wrong with the link comes first."""
    if standing is not LinkStanding.GOOD:
        return Landing(page=standing.value)
    return Landing(page=come.value if come is not None else LinkStanding.EXPIRED.value)
