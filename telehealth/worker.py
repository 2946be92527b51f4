"""Composition root of the worker: lanes to deliverers, woken by nudges, stopped by SIGTERM."""

import asyncio
import json
import os
import random
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Final

import structlog

from telehealth.audit.head_bucket import HeadBucket
from telehealth.audit.head_directory import HeadDirectory
from telehealth.audit.head_keeper import HeadKeeper
from telehealth.audit.heads import log_name
from telehealth.audit.ports import HeadSink
from telehealth.break_glass.actions import sweep as end_break_glass
from telehealth.chart_sync.actions import ChartDeliverer, ChartPlace
from telehealth.chart_sync.fhir_client import FhirClient, http_exchange
from telehealth.chart_sync.ports import Exchange
from telehealth.chart_sync.smart_sign_in import BackendSignIn, ClientKey, is_secure_or_loopback
from telehealth.day_review.actions import sweep as review_days
from telehealth.delivery.bookkeeping import Desk
from telehealth.delivery.lanes import LEASE, POLICY, Lane
from telehealth.delivery.nudge import listening
from telehealth.delivery.ports import Deliverer
from telehealth.delivery.room_link import RoomLink
from telehealth.delivery.runner import LaneRunner, Pace
from telehealth.messaging.actions import NoticeDeliverer
from telehealth.messaging.email_client import HttpMail
from telehealth.messaging.policy import Channel
from telehealth.messaging.ports import MessageChannel
from telehealth.messaging.twilio_client import TwilioTexts
from telehealth.platform.clock import Clock, SystemClock
from telehealth.platform.config import WorkerSettings
from telehealth.platform.db import Database
from telehealth.platform.idempotency.once import sweep as forget_named_acts
from telehealth.platform.sealing.settings import keyring_from
from telehealth.platform.signing import KeyState, read_key_file, secret_bytes
from telehealth.platform.sweeper import Sweep, keep_sweeping
from telehealth.privacy.keeper import RetentionKeeper

SWEEPS: Final[Sequence[Sweep]] = (forget_named_acts, end_break_glass, review_days)
"""What is done when time has passed; accesses that are over end before the day is reviewed."""

_PACE: Final = MappingProxyType({Lane.NOTICE: Pace(calls_at_once=2)})
"""A morning's texts may take their minutes: whoever is put out of a room waits for no text."""

_log = structlog.get_logger(__name__)


class KeyFileMissing(Exception):
    """An EHR that is not on this machine needs a key file."""


def work() -> None:
    """Run the worker with the settings of the environment, until it is told to stop."""
    asyncio.run(deliver_until_told(WorkerSettings()))


async def deliver_until_told(settings: WorkerSettings) -> None:
    """Deliver what is owed until SIGTERM or SIGINT; running calls are given a moment to end."""
    clock = SystemClock()
    data_url = settings.database_url.get_secret_value()
    keyring = keyring_from(settings, data_url=data_url, clock=clock)
    database = Database(data_url, keyring=keyring)
    rooms = RoomLink(
        settings.signaling_control_urls,
        key=secret_bytes(settings.signaling_key.get_secret_value()),
        clock=clock,
    )
    chart = _chart(settings, database=database, clock=clock)
    notices = NoticeDeliverer(
        _channels(settings),
        database=database,
        clock=clock,
        public_origin=settings.public_origin,
    )
    lanes: dict[Lane, Deliverer] = {Lane.ROOM: rooms, Lane.EHR: chart, Lane.NOTICE: notices}
    runners = _runners(lanes, database=database, clock=clock)
    keeper = RetentionKeeper(database, clock=clock)
    link = asyncio.create_task(rooms.run())
    sweeping = asyncio.create_task(keep_sweeping(SWEEPS, database=database, clock=clock))
    head_keeper = _head_keeper(settings, database=database, clock=clock)
    heads = asyncio.create_task(head_keeper.run()) if head_keeper is not None else None
    try:
        with listening(settings.nudge_socket, on_nudge=lambda: _nudge(runners)):
            _stop_on_signal(runners, keeper)
            _log.info("worker.started")
            await asyncio.gather(keeper.run(), *(runner.run() for runner in runners))
            _log.info("worker.stopped")
    finally:
        for task in (link, sweeping, heads):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if head_keeper is not None:
            await head_keeper.close()
        await chart.close()
        await notices.close()
        await database.close()
        await keyring.close()


def _head_keeper(
    settings: WorkerSettings, *, database: Database, clock: Clock
) -> HeadKeeper | None:
    """Make what keeps the audit trail's heads; none without a key or a place to keep them."""
    sinks: list[HeadSink] = []
    if settings.audit_heads_folder is not None:
        sinks.append(HeadDirectory(settings.audit_heads_folder))
    if settings.audit_heads_url is not None:
        token = settings.audit_heads_token
        sinks.append(
            HeadBucket(
                settings.audit_heads_url,
                token=None if token is None else token.get_secret_value(),
            )
        )
    if settings.audit_key_file is None or not sinks:
        _log.warning("audit_heads.not_configured")
        return None
    keys = read_key_file(settings.audit_key_file)
    return HeadKeeper(
        database,
        clock=clock,
        key=next(key for key in keys if key.state is KeyState.ACTIVE),
        log_name=log_name(settings.deployment),
        sinks=sinks,
    )


def _runners(
    deliverers: dict[Lane, Deliverer], *, database: Database, clock: Clock
) -> Sequence[LaneRunner]:
    desk = Desk(
        worker=f"{socket.gethostname()[:40]}:{os.getpid()}",
        lease=LEASE,
        policies=POLICY,
        draw=random.SystemRandom().random,
    )
    return [
        LaneRunner(
            lane=lane,
            database=database,
            deliverer=deliverer,
            clock=clock,
            desk=desk,
            pace=_PACE.get(lane),
        )
        for lane, deliverer in deliverers.items()
    ]


def _channels(settings: WorkerSettings) -> dict[Channel, MessageChannel]:
    """Make the ways in which this installation reaches people; none is an answer."""
    channels: dict[Channel, MessageChannel] = {}
    if settings.texts_base_url is not None:
        channels[Channel.TEXT] = TwilioTexts(
            settings.texts_base_url,
            account=settings.texts_account,
            token=settings.texts_token.get_secret_value(),
            sender=settings.texts_sender,
        )
    if settings.mail_base_url is not None:
        channels[Channel.EMAIL] = HttpMail(
            settings.mail_base_url,
            token=settings.mail_token.get_secret_value(),
            sender=settings.mail_sender,
        )
    return channels


def _chart(settings: WorkerSettings, *, database: Database, clock: Clock) -> ChartDeliverer:
    base_url = settings.ehr_base_url.rstrip("/")
    exchange = http_exchange(base_url)
    client = FhirClient(
        exchange,
        base_url=base_url,
        sign_in=_sign_in(settings, exchange, base_url=base_url, clock=clock),
        clock=clock,
    )
    place = ChartPlace(deployment=settings.deployment, patient_system=settings.ehr_patient_system)
    return ChartDeliverer(client, database=database, clock=clock, place=place)


def _sign_in(
    settings: WorkerSettings, exchange: Exchange, *, base_url: str, clock: Clock
) -> BackendSignIn | None:
    """Make the sign-in at the EHR; none only for one on this machine, with no key given.

    Raises:
        KeyFileMissing: The EHR is elsewhere and there is no key: patients' data would travel
            unauthenticated.
    """
    if settings.ehr_key_file is None:
        if not _is_loopback(base_url):
            raise KeyFileMissing
        return None
    key = ClientKey.from_jwk(json.loads(settings.ehr_key_file.read_text()))
    return BackendSignIn(
        exchange,
        base_url=base_url,
        client_id=settings.ehr_client_id,
        key=key,
        clock=clock,
        open_exchange=http_exchange,
    )


def _is_loopback(url: str) -> bool:
    return url.startswith("http://") and is_secure_or_loopback(url)


def _nudge(runners: Sequence[LaneRunner]) -> None:
    for runner in runners:
        runner.nudge()


def _stop_on_signal(runners: Sequence[LaneRunner], keeper: RetentionKeeper) -> None:
    def stop() -> None:
        keeper.stop()
        for runner in runners:
            runner.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
