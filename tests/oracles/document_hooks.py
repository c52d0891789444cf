"""What schemathesis cannot know of the gateway: the types of bodies that are not JSON, rules that no schema can say, and
the key that it asks with."""

import json
import os
import re

import schemathesis

# The run's own key would revoke itself, and all that follows would be 401.
OWN_KEY = os.environ.get("SWITCHBOARD_TEST_KEY_ID")

# Fields of well-formed requests that the gateway may refuse with a 400: the field, what it expects there, and why that is
# no schema.
UNSAID = [
    (r"due|due_at|due_date|due_before|remind|remind_at", r"a time: |a time that is still to come", "times are told in words, too"),
    (r"expires_at", r"a time in the future", "the future begins with the request"),
    (r"messages\[\d+\]\.role", r"user: the last message", "JSON Schema has no word for a list's last item"),
    (r"(settings\.)?(base_)?url", r".*https? address", "where a name leads is asked of the network"),
    (r"settings\.base_url|model", r".*", "which models need an address depends on their names"),
    (r"api_key", r"the key for the new settings\.base_url", "it depends on what the agent has"),
    (r"base_url", r"where the models are served", "it depends on the provider of the address"),
    (r"settings(\..*)?", r".*", "a channel's settings depend on its kind, and the kinds' guides list them"),
    (r"time_zone", r"an IANA time zone", "the list of zones is the operating system's"),
    (r"to", r"a day not before|not before the beginning", "two fields are compared"),
    (r"assignee_id", r"nothing, but with owner human", "OpenAPI has no rules between parameters"),
    (r"title", r"the document's title", "a title of blanks is none"),
    (r"text", r"the document's text, or its url", "the schema takes a text without a title beside an address for the address"),
    (r"contact_name|contact_email", r"(a name, )?an email address,? or a phone number", "blanks say nothing"),
    (r"filename", r"a filename, a title or a source", "OpenAPI has no rules between parameters"),
    (r"hub\..+", r"the value that the vendor sends", "which parameters there are depends on the kind of the channel"),
    (r"password|name", r".*", "an invitation that is accepted by a new user needs both"),
    (r"scopes", r"chat alone", "it depends on the key that is changed"),
    (r"attributes(\..*)?", r".*", "an attribute is bounded by its size as JSON"),
    (r".*_id|channels\..*", r"(the id of )?(an?|another) \w+( of this workspace)?$", "beside another of these: nothing is there"),
    (r"body", r"at most \d+ calendars", "it depends on how many there are"),
]


@schemathesis.hook
def filter_case(_context, case):
    path, parameters = case.operation.path, case.path_parameters or {}
    return case.method == "GET" or not path.startswith("/api/api-keys/{id}") or parameters.get("id") != OWN_KEY


@schemathesis.hook
def filter_failure(_context, failure, _case, response):
    """Drops the refusal of a well-formed request where each failing field is one of the above."""
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code != 400:
        return True
    details = response.json()["error"].get("details") or [{"field": "", "expected": ""}]
    return not all(any(matches(rule, problem) for rule in UNSAID) for problem in details)


def matches(rule, problem):
    field, expected, _reason = rule
    return bool(re.fullmatch(field, problem["field"], re.DOTALL) and re.match(expected, problem["expected"]))


@schemathesis.deserializer("application/x-ndjson")
def lines(_context, response):
    """A streamed answer is one JSON value a line; each is documented. Blank lines say that the answer is coming."""
    parsed = [json.loads(line) for line in response.content.splitlines() if line.strip()]
    return parsed[-1]


@schemathesis.deserializer("application/octet-stream", "text/css", "text/html", "text/javascript", "image/png")
def text(_context, response):
    """A file is a text of any letters."""
    return response.content.decode("latin-1")
