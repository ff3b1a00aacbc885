"""What chat templates use beyond Jinja's own, as transformers renders them."""

from __future__ import annotations

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser


class Generation(Extension):
    """`{% generation %}` marks what an assistant wrote; it changes nothing of the text."""

    tags: set[str] = {"generation"}  # noqa: RUF012 - as in the base

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The block's own content."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)
