"""What a generated request cannot know, and what a schema cannot say.

Formats that are ours get strategies of their own, so that what is generated as valid is valid. A request that is valid by its
schema may still break one of the rules below: they hold between values, or between a value and the world, and the document
says them in words. Any other refusal of a valid request is a failure.
"""

import atexit
import json
import os
import string
import uuid
from collections import Counter
from datetime import timedelta, timezone

import schemathesis
from hypothesis import strategies as st

# Letters, digits and some signs that every text takes; fillers are letters that nobody sees.
FILLERS = "\u115f\u1160\u17b4\u17b5\u3164\uffa0"
SEEN = st.characters(categories=("L", "Nd", "Pd", "Po"), exclude_characters=FILLERS)
WORDS = st.lists(st.text(SEEN, min_size=1, max_size=12), min_size=1, max_size=4)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))

schemathesis.openapi.format("line", WORDS.map(" ".join))
schemathesis.openapi.format("prose", WORDS.map("\n".join))
schemathesis.openapi.format("token", WORDS.map("".join))
schemathesis.openapi.format(
    "email",
    st.text(string.ascii_letters + string.digits, min_size=1, max_size=20).map(lambda name: f"{name}@clinic.example"),
)
schemathesis.openapi.format("iana-time-zone", st.sampled_from(["UTC", "Europe/London", "Asia/Kolkata", "Pacific/Chatham"]))
schemathesis.openapi.format(
    "ethereum-address", st.text("0123456789abcdef", min_size=40, max_size=40).map(lambda digits: f"0x{digits}")
)
# Of the years that the document names. Whole seconds, for slots start on them.
schemathesis.openapi.format("date", st.dates().map(lambda day: day.replace(year=1800 + day.year % 300).isoformat()))
schemathesis.openapi.format(
    "date-time",
    st.builds(
        lambda at, zone: at.replace(year=1801 + at.year % 398, microsecond=0, tzinfo=zone).isoformat(),
        st.datetimes().filter(lambda at: (at.month, at.day) != (2, 29)),
        OFFSETS,
    ),
)

# How a refusal begins that names a rule which no schema can say, and why none can.
RULES = {
    "The cursor is not one of this server's": "a cursor is what an earlier page gave",
    "is not one of this server's": "the same, in a body",
    "names nothing that exists": "an id is one of something that is there",
    "it is not the number of a namespace that this server shares": "which namespaces a server shares stands in its settings",
    "must be after the start": "two values of one session",
    "`until` must not be before `from`, nor more than 92 days after it": "two values of one search",
    "`to` must not be before `from`": "two values of one list",
    "`until` must not be before `since`": "the same",
    "must be given unless a patient books": "who books is not in the body",
    "must be given unless the patient says it": "who says it is not in the body",
    "must not be given by a patient": "the same",
    "must be left out where a treatment ends": "one body for two operations",
    "the day on which the paper was signed has not come": "a day and today",
    "the treatment was ended after the paper was signed": "a paper, and what was said since",
    "must be on a whole second": "RFC 3339 has parts of seconds, and slots have none",
    "a session must lie within": "the day is that of the calendar's time zone",
    "a session must be at least as long as its slots": "three values of one session",
    "two sessions overlap": "values of several sessions",
    "must be in the future": "an instant and now",
    "an account of this role cannot be opened here": "a role, and whether there is a wallet",
    "The time has passed": "a slot and now",
    "must have either a practitioner or an organization": "one of two members",
    "must have a `concept` or a `source`": "the same",
    "the last day must be later than the first": "two days",
    "must not lead beyond the year 2200": "the sum of two values",
    "the date of birth lies in the future": "a day and today",
    "the death lies": "a death, a birth and today",
    "the time as of which this is told lies in the future": "an instant and now",
    "the time as of which a detail is told lies in the future": "an instant and now",
    "the day on which it began lies in the future": "a day and today",
    "the day on which it ended lies in the future": "a day and today",
    "the day on which it ended lies before the day on which it began": "two days",
    "is unknown, expired or used": "an invitation is one that was issued",
    "The message": "a message is one that a wallet has signed for this server",
    "The signature": "the same",
    "must be an Ethereum address": "a checksum over the letters' case",
    "is missing from a struct of this type": "the type is another member of the body",
    "is no member of a struct of this type": "the same",
    "is another practitioner than the path names": "a body and a path",
    "is not the hash of the practitioner's register entry": "a hash and what was told",
    "is not the signer's over this message": "a signature and what it signs",
    "must be a time zone of the IANA database": "the database changes, and this document with it would",
    "must be left out: only allergies have kinds": "two values of one statement",
    "must be `none-known` or `not-asked` for one kind of allergies": "the same",
    "must be the open account of a person who is an auditor": "an account that is there",
    "must be the account of a person of the staff or of a system": "the same",
    "must be there, unless it is about everybody": "two values of one scope",
    "must be missing where it is about everybody": "the same",
    "the time that is examined must end after it begins": "two instants",
    "at most 366 days are examined at once": "the same",
    "must be you, or, asked by the staff, a practitioner, this organisation, or a role in it": "who asks is not in the body",
    "must be later than 1970 began": "a part of the instants that RFC 3339 has",
    "the period ends before it begins": "two instants",
    "the grant ends before it begins, or has ended already": "two instants and now",
    "the identifier of a patient cannot change": "what was registered stays",
    "the identifier and the time zone of a practitioner cannot change": "the same",
}


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key stands for one request, and a version cannot be guessed: valid requests bring a fresh key and no version."""
    if case.meta is None or not case.meta.generation.mode.is_positive or not case.headers:
        return
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    case.headers.pop("If-Match", None)
    case.headers.pop("If-None-Match", None)
    # Who has signed in asks for nobody else, and a random id names nobody who works here.
    case.headers.pop("On-Behalf-Of", None)


# How often each operation has answered with what was asked for. `.ci/schemathesis` looks at it when both runs are over.
ANSWERED = Counter()


@atexit.register
def write_answered():
    if path := os.environ.get("SCHEMATHESIS_ANSWERED"):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(ANSWERED, file)


# What is answered before a request is looked at. A run of nothing else would pass, and would have tested nothing.
UNSEEN = ("/problems/unauthenticated", "/problems/too-many-requests")


@schemathesis.check
def requests_are_looked_at(ctx, response, case):
    """Whoever asks is known, and asks for no more than they may."""
    if response.status_code < 300:
        ANSWERED[case.operation.definition.raw["operationId"]] += 1
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code in (401, 429) and response.json()["type"] in UNSEEN:
        raise AssertionError(f"the request was not looked at: {response.json()}")


def broken_rule(problem):
    """The rules that a refusal names, or None when it names another reason."""
    reasons = [error["detail"] for error in problem.get("errors", [])] or [problem.get("detail", problem.get("title"))]
    return all(any(reason.lower().startswith(rule.lower()) for rule in RULES) for reason in reasons)


@schemathesis.check
def rejected_valid_requests(ctx, response, case):
    """A request that is valid by its schema is refused only for a rule that no schema can say."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code not in (400, 412, 413, 415, 422):
        return
    problem = response.json()
    if not broken_rule(problem):
        raise AssertionError(f"a valid request was refused: {problem}")
