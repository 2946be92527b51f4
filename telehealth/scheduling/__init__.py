"""Appointments: a booked intent of one patient and one provider to meet at a time.

An appointment is either booked or cancelled (`booking.py`); what really happens at its time is the
visit's business, and everything about the visit is decided there.  Booking and cancelling are
asked for by the visit that belongs to the appointment, so that the two never disagree.  A provider
cannot be booked twice for the same start: the database itself refuses it.
"""
