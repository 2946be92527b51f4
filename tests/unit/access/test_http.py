from typing import Any
from uuid import UUID

import pytest
from starlette.requests import Request

from telehealth.access.actor import Actor, Job
from telehealth.access.errors import NotSignedIn
from telehealth.access.http import actor_of, put_actor
from telehealth.contract import ClinicId


def test_nobody_stands_behind_a_request_until_somebody_was_put_there() -> None:
    scope: dict[str, Any] = {"type": "http", "headers": []}
    actor = Actor.of_job(Job.SWEEP, ClinicId(UUID(int=1)))

    with pytest.raises(NotSignedIn):
        actor_of(Request(scope))
    put_actor(scope, actor)

    assert actor_of(Request(scope)) is actor
