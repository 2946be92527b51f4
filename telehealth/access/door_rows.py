"""Rows of the door: how people come in, their own sign-in, the staff's accounts.  Pure."""

from dataclasses import replace
from typing import Final

from telehealth.access.routes import RouteRow
from telehealth.access.rows import holder, public, signed_in, staff
from telehealth.platform.paces import Pace

_COOKIE: Final = "The secret in the cookie is what proves; there may be no pass any more."

DOOR_ROWS: Final[tuple[RouteRow, ...]] = (
    # the door
    public(
        "POST",
        "/v1/sign-in",
        "Starts a login session of a member of staff.",
        "It is the door: e-mail address and password are what proves.",
        pace=Pace.SIGN_IN,
    ),
    public(
        "POST",
        "/v1/sign-in/code",
        "Finishes a sign-in by a code of an app, or a recovery code.",
        "It is the door: the secret of the first step and the code are what proves.",
        pace=Pace.SIGN_IN,
    ),
    public(
        "POST",
        "/v1/sign-in/passkey/options",
        "Draws a challenge for a passkey.",
        "It is the door: a challenge tells nothing about anybody.",
        pace=Pace.SIGN_IN,
    ),
    public(
        "POST",
        "/v1/sign-in/passkey",
        "Starts a login session of a member of staff by a passkey alone.",
        "It is the door: the passkey's signature is what proves.",
        pace=Pace.SIGN_IN,
    ),
    public(
        "POST",
        "/v1/password-links/{secret}",
        "Chooses a password by a link, once.",
        "The link's secret is what proves; an administrator made it.",
        pace=Pace.LINK,
        status=204,
    ),
    public(
        "POST",
        "/v1/contact-requests",
        "Asks for a new link or a code; answers the same whoever asks.",
        "Who has lost their link can prove nothing; what is sent goes to the address on file.",
        pace=Pace.LINK,
        status=202,
    ),
    public(
        "POST",
        "/v1/contact-requests/code",
        "Starts a patient's login session by the code they were sent.",
        "It is the door: the code, typed in the browser that asked for it, is what proves.",
        pace=Pace.LINK,
    ),
    public(
        "GET",
        "/sso/{clinic_id}/start",
        "Sends the browser to its clinic's OpenID provider.",
        "It is the door: the provider is what proves.",
        pace=Pace.SIGN_IN,
    ),
    public(
        "GET",
        "/sso/callback",
        "Starts a login session by the provider's answer, once; or links one's own account.",
        "It is the door: the provider's signature is what proves.",
        pace=Pace.SIGN_IN,
    ),
    replace(
        public(
            "GET",
            "/.well-known/jwks.json",
            "Reads the public halves of our signing keys.",
            "They are public: whoever holds a token of ours may check it.",
            pace=Pace.READ,
        ),
        media="application/jwk-set+json",
    ),
    public(
        "POST",
        "/v1/visit-links/{secret}/open",
        "Starts a patient's login session for one visit.",
        "It is the door: the link and the birth date are what proves.",
        pace=Pace.LINK,
    ),
    public("POST", "/v1/session/refresh", "Renews a login session.", _COOKIE, pace=Pace.UNSAFE),
    public("POST", "/v1/sign-out", "Ends a login session.", _COOKIE, pace=Pace.UNSAFE, status=204),
    signed_in("GET", "/v1/me", "Reads one's own name, role and clinic."),
    # one's own sign-in
    holder("GET", "sign-in", "Reads one's own factors and login sessions."),
    holder("POST", "step-up", "Takes a code or password as fresh proof.", pace=Pace.CODE),
    holder("POST", "step-up/passkey/options", "Draws a challenge for one's own passkey."),
    holder("POST", "step-up/passkey", "Takes a passkey as fresh proof.", pace=Pace.CODE),
    holder("POST", "app", "Draws the secret of an authenticator app, shown this once."),
    holder("POST", "app/confirm", "Adds the app that showed its first code.", pace=Pace.CODE),
    holder("POST", "app/remove", "Removes one's authenticator app."),
    holder("POST", "passkeys/options", "Draws a challenge for a new passkey."),
    holder("POST", "passkeys", "Adds a passkey."),
    holder("POST", "passkeys/{passkey_id}/remove", "Removes one of one's passkeys."),
    holder("POST", "recovery-codes", "Draws ten recovery codes, shown this once."),
    holder("POST", "password", "Changes one's own password.", pace=Pace.CODE),
    holder("POST", "sign-on/link", "Tells where to go, to link one's account to the sign-on."),
    holder("POST", "sign-on/unlink", "Unlinks one's own account from the clinic's sign-on."),
    holder("POST", "sessions/end-others", "Ends every other login session of one's own."),
    holder("POST", "sessions/{session_id}/end", "Ends one login session of one's own."),
    # the staff of the clinic
    staff("GET", "", "Reads who works here, and how they sign in."),
    staff("POST", "", "Invites somebody; answers the link to choose a password.", status=201),
    staff("POST", "/{person_id}/password-link", "Makes a new link to choose a password."),
    staff("POST", "/{person_id}/unlock", "Ends a lock after wrong tries.", status=204),
    staff("POST", "/{person_id}/reset-factors", "Removes every second factor.", status=204),
    staff("POST", "/{person_id}/disable", "Disables somebody; they leave running calls."),
    staff("POST", "/{person_id}/enable", "Enables somebody again.", status=204),
    staff("POST", "/{person_id}/unlink-sign-on", "Unlinks the clinic's sign-on.", status=204),
    staff("POST", "/{person_id}/role", "Gives somebody another role."),
)
"""Part of the public port's table."""
