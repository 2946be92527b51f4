"""The public halves of our signing keys, for whoever has to check a token of ours."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from telehealth.platform.http import services_of

PATH: Final = "/.well-known/jwks.json"


async def published(request: Request) -> Response:
    """GET /.well-known/jwks.json: next, active and retiring keys, public halves only.

    Like every answer of ours it is not to be kept by a cache, so that a key taken back is gone
    everywhere within a minute.

    Source:
        RFC 7517 section 5 for the set and section 8.5.1 for its media type; RFC 8615 for the path.
    """
    return JSONResponse(
        {"keys": services_of(request).signer.public_keys()},
        media_type="application/jwk-set+json",
    )


routes: list[Route] = [Route(PATH, published, methods=["GET"])]
