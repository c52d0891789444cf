"""What schemathesis cannot know of the gateway's answers: the types of bodies that are not JSON."""

import json

import schemathesis


@schemathesis.deserializer("application/x-ndjson")
def lines(_context, response):
    """A streamed answer is one JSON value a line; each is documented. Blank lines say that the answer is coming."""
    parsed = [json.loads(line) for line in response.content.splitlines() if line.strip()]
    return parsed[-1]


@schemathesis.deserializer("application/octet-stream", "text/css", "text/html", "text/javascript", "image/png")
def text(_context, response):
    """A file is a text of any letters."""
    return response.content.decode("latin-1")
