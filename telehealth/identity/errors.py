"""Refusals about people and how they prove who they are."""

from typing import ClassVar

from telehealth.platform.errors import TelehealthError


class PersonUnknown(TelehealthError):
    """There is no such person, or the actor may not know."""

    code = "person.unknown"
    public_message = "This person is not known here."


class ClinicUnknown(TelehealthError):
    """There is no such clinic."""

    code = "clinic.unknown"
    public_message = "This clinic is not known here."


class EmailTaken(TelehealthError):
    """Another account has this e-mail address."""

    code = "person.email_taken"
    public_message = "There is already an account with this e-mail address."


class SignInRefused(TelehealthError):
    """Unknown address, wrong password, or too many wrong ones before: one answer for all."""

    code = "person.sign_in_refused"
    public_message = "The e-mail address or the password is not right."


class SignInBusy(TelehealthError):
    """More people sign in at this moment than passwords can be checked."""

    code = "person.sign_in_busy"
    public_message = "Many people are signing in at the moment. Please try again in a few seconds."


class SessionEnded(TelehealthError):
    """The login session is over: signed out, replaced, too old, or an old secret came back."""

    code = "session.ended"
    public_message = "You have been signed out. Please sign in again."


class SessionJustRenewed(TelehealthError):
    """Another page of this browser has renewed the session a moment ago; its cookies are good."""

    code = "session.just_renewed"
    public_message = "Please try again."


class LinkUnknown(TelehealthError):
    """No visit link has this secret."""

    code = "link.unknown"
    public_message = "This link is not valid. Please check that you opened all of it."


class LinkReplaced(TelehealthError):
    """A newer link was made; this one opens nothing any more."""

    code = "link.replaced"
    public_message = "This link was replaced by a newer one. Please use the newest link."


class LinkExpired(TelehealthError):
    """The link's time is over."""

    code = "link.expired"
    public_message = "This link is no longer valid."


class LinkRefused(TelehealthError):
    """The birth date does not agree with the person the link was made for."""

    code = "link.refused"
    public_message = "This birth date does not match. Please check it and try again."
    told_fields: ClassVar[frozenset[str]] = frozenset({"tries_left"})


class LinkLocked(TelehealthError):
    """Too many wrong birth dates; the clinic has to make a new link."""

    code = "link.locked"
    public_message = "This link is locked. Please call the clinic for a new one."


class LinkInUse(TelehealthError):
    """Another browser is signed in by this link; the person may move here if they say so."""

    code = "link.in_use"
    public_message = "This link is open on another device. Do you want to continue here?"


class GuestNameMissing(TelehealthError):
    """A guest comes in with a name, so that the others know who is there."""

    code = "link.name_missing"
    public_message = "Please tell us your name."


class ContactUnreadable(TelehealthError):
    """What was typed is neither a phone number nor an e-mail address."""

    code = "contact.unreadable"
    public_message = "Please enter a phone number with ten digits, or an e-mail address."


class CodeRefused(TelehealthError):
    """The code is wrong; the same answer for whoever was never sent one."""

    code = "code.refused"
    public_message = "This code is not right. Please check it and try again."
    told_fields: ClassVar[frozenset[str]] = frozenset({"tries_left"})


class CodeOver(TelehealthError):
    """The code was used, is too old, had too many tries, or was asked for in another browser."""

    code = "code.over"
    public_message = "This code is no longer valid. Please ask for a new one."


class SeveralPatients(TelehealthError):
    """More than one patient has this name and birth date."""

    code = "person.several"
    public_message = "More than one patient has this name and birth date. Type the record number."


class SsoRefused(TelehealthError):
    """The provider's answer is not to our question, or not to be believed; which, is not told."""

    code = "sso.refused"
    public_message = "Signing in with your organisation's account did not work. Please try again."


class SsoUnreachable(TelehealthError):
    """The provider does not answer, or says nothing we can use."""

    code = "sso.unreachable"
    public_message = "Your organisation's sign-in cannot be reached. Please use your password."


class SsoUnknown(TelehealthError):
    """The provider vouches for somebody who has no account in this clinic."""

    code = "sso.unknown"
    public_message = "There is no account here for this sign-in. Ask your administrator."


class SsoTaken(TelehealthError):
    """The subject or the account is linked already."""

    code = "sso.taken"
    public_message = "This sign-in is already linked to an account."


class SsoOnlyWay(TelehealthError):
    """Nothing else would open the account: no password, no passkey."""

    code = "sso.only_way"
    public_message = "This is your only way to sign in. Choose a password first."


class SsoNotOffered(TelehealthError):
    """The clinic has no OpenID provider."""

    code = "sso.not_offered"
    public_message = "Your clinic has no sign-on of its own."


class PasswordTooShort(TelehealthError):
    """Too few characters; carries how many are needed."""

    code = "password.too_short"
    public_message = "This password is too short. A few words in a row are easy to remember."
    told_fields: ClassVar[frozenset[str]] = frozenset({"least"})


class PasswordTooLong(TelehealthError):
    """Over 128 characters or 1,024 bytes."""

    code = "password.too_long"
    public_message = "This password is too long. At most 128 characters are kept."
    told_fields: ClassVar[frozenset[str]] = frozenset({"most"})


class PasswordCommon(TelehealthError):
    """On the list of common passwords, a repetition of one, or a run."""

    code = "password.common"
    public_message = "Many people use this password, or it is easy to guess. Choose another one."


class PasswordAboutYou(TelehealthError):
    """Made of the name, the e-mail address, the clinic or the product."""

    code = "password.about_you"
    public_message = "This password has your name or your clinic in it. Choose another one."


class PasswordLinkUnknown(TelehealthError):
    """No such link, or it is used, replaced or too old: one answer for all."""

    code = "password.link_unknown"
    public_message = "This link is not valid any more. Ask your administrator for a new one."


class SessionUnknown(TelehealthError):
    """No such login session, or it is another person's."""

    code = "session.unknown"
    public_message = "There is no such sign-in."


class PasswordUnchanged(TelehealthError):
    """The new password is the old one."""

    code = "password.unchanged"
    public_message = "This is your present password. Choose another one."


class RoleRefused(TelehealthError):
    """Staff cannot be given this role."""

    code = "person.role_refused"
    public_message = "A member of staff cannot have this role."


class NotOneself(TelehealthError):
    """An administrator may not do this to their own account."""

    code = "person.not_oneself"
    public_message = "You cannot do this to your own account. Ask another administrator."
