"""Texts and e-mails to people: notices.

A notice holds the clinic's short name, date and time with its zone, a link or a code, and the
clinic's phone; never a clinical word, a provider's name or the person's own (`templates.py`).  It
goes to the phone number or e-mail address on file, in the person's language (`policy.py`).

Notices leave through the delivery ledger, in the order of one person: what is owed there names the
person and the template, never an address, a link or a code.  Those are looked up when the notice
leaves, and the link's or code's secret is wiped once it has left (`actions.py`).  If an answer is
lost, the channel is first asked whether it has the message.

Of each notice one row stays: what kind, to whom, by which channel, how far it came.
"""
