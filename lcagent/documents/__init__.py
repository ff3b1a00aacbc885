"""Documents: formats to pages, pages to segments, spans, quote checking."""
