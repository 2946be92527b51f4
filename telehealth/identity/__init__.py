"""People of a clinic, and how they prove who they are.

Staff sign in with an e-mail address and a password.  Passwords are kept in a form that takes
effort to guess (`passwords.py`); what may become one is a rule about length and about what others
know (`password_rules.py`).  A wrong one and an unknown address get the same answer after the same
time.  Many wrong tries in a row make the next one wait, and fifty lock the account until an
administrator unlocks it (`tries.py`).

Beside the password, staff show a second factor: a passkey, an app, a code on paper (`factors/`).
Who has none yet, where one is required, can do nothing but add one.  What would leave a way in
behind, or take much away, asks for a fresh proof (`step_up.py`).  Somebody who may act for the
clinic no more is disabled, with a reason, and everything of theirs ends at once (`standing.py`).

A patient needs no account.  The visit link sent to them works from sending until some days after
the visit, but only together with their birth date; looking at the link uses nothing up.  Five
wrong birth dates lock it, and the clinic sends a new one, which ends the old (`links.py`).  At
most one browser is signed in by a link: opening it anew ends the older one.

Whoever is signed in carries a pass that is good for five minutes, and a secret to renew it, which
changes at each renewal.  An old secret that comes back means that somebody copied it: everything
of that login session ends at once (`access_tokens.py`).

A person belongs to the clinic that keeps the record; a membership gives a role in a clinic.
Nobody sees a person of another clinic.
"""
