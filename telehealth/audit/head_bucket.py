"""Heads sent over HTTPS to a place that writes once: a bucket under object lock, or a witness.

Each head is one object, `{base}/{clinic}/{size}`, PUT with ``If-None-Match: *``.  The place must
refuse to overwrite (412 or 409); what it then holds is read back, and must be this very head.

Source:
    RFC 9110 section 13.1.2 (If-None-Match: * creates and never replaces).
"""

from http import HTTPStatus
from typing import Final

import httpx

from telehealth.audit.heads import KeptHeads, SignedHead, read_notes
from telehealth.audit.ports import HeadContradicted, HeadNotKept
from telehealth.contract import ClinicId
from telehealth.platform.egress import EgressRefused, partner_client

_CONTENT_TYPE: Final = "text/plain; charset=utf-8"
_KEPT: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT})
_THERE: Final = frozenset({HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})
_NOTE_LIMIT_BYTES: Final = 16 * 1024


class HeadBucket:
    """A sink behind HTTPS; implements `HeadSink`.

    Args:
        base_url: Configured by the operator; heads go below it.
        token: Bearer token of a writer that may create and not replace; None: the place knows us
            otherwise (a network of our own, a client certificate).
        name: As the status page calls it.
    """

    def __init__(self, base_url: str, *, token: str | None = None, name: str = "bucket") -> None:
        self._base_url = base_url.rstrip("/")
        self._client = partner_client(base_url=base_url, answer_limit_bytes=_NOTE_LIMIT_BYTES)
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._name = name

    @property
    def name(self) -> str:
        """Short name for the status page and logs."""
        return self._name

    async def keep(self, signed: SignedHead) -> None:
        """Create the object of a head.

        Raises:
            HeadNotKept: No answer, or another than created or there already.
            HeadContradicted: Another head of this size is there.
        """
        url = f"{self._base_url}/{signed.head.clinic_id}/{signed.head.size:016}"
        headers = {**self._headers, "If-None-Match": "*", "Content-Type": _CONTENT_TYPE}
        try:
            answer = await self._client.put(url, content=signed.note.encode(), headers=headers)
            if answer.status_code in _KEPT:
                return
            if answer.status_code not in _THERE:
                raise HeadNotKept
            there = await self._client.get(url, headers=self._headers)
        except (httpx.HTTPError, EgressRefused) as failure:
            raise HeadNotKept from failure
        if there.status_code != HTTPStatus.OK:
            raise HeadNotKept
        if there.content != signed.note.encode():
            self._compare(signed, there.text)

    async def kept(self, clinic_id: ClinicId) -> KeptHeads:
        """Return nothing: the writer of a locked bucket need not be allowed to list it."""
        del clinic_id
        return KeptHeads(heads=(), unreadable_lines=0)

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

    @staticmethod
    def _compare(signed: SignedHead, text: str) -> None:
        """Take a head of the same chain made at another instant for the same; refuse others."""
        found = read_notes(text).heads
        same = [each.head for each in found if each.head.size == signed.head.size]
        if not any(
            (each.clinic_id, each.seal, each.root)
            == (signed.head.clinic_id, signed.head.seal, signed.head.root)
            for each in same
        ):
            raise HeadContradicted
