"""Every table there is: what the revisions together must produce."""

from typing import Final

from sqlalchemy import MetaData

from telehealth.audit import tables as audit
from telehealth.break_glass import tables as break_glass
from telehealth.chart_sync import tables as chart_sync
from telehealth.charting import tables as charting
from telehealth.day_review import tables as day_review
from telehealth.delivery import tables as delivery
from telehealth.identity import tables as identity
from telehealth.identity.factors import tables as factors
from telehealth.messaging import tables as messaging
from telehealth.platform.db import Base
from telehealth.platform.idempotency import tables as idempotency
from telehealth.privacy import tables as privacy
from telehealth.scheduling import tables as scheduling
from telehealth.visits import tables as visits
from telehealth.waiting_room import tables as waiting_room

# Importing a module puts its tables there; the list says that all of them were meant.
TABLE_MODULES: Final = (
    audit,
    break_glass,
    chart_sync,
    charting,
    day_review,
    delivery,
    factors,
    idempotency,
    identity,
    messaging,
    privacy,
    scheduling,
    visits,
    waiting_room,
)

METADATA: Final[MetaData] = Base.metadata
