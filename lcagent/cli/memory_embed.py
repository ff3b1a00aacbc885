"""`lcagent memory embed`: vectors of the embedding model of now for all that was said."""

from __future__ import annotations

from lcagent.cli import memory_told, terminal
from lcagent.cli.memory_opened import DEFAULT_TENANT, TenantOption
from lcagent.cli.options import HomeOption, JsonOption, QuietOption, SetOption, StoreOption, settings_from


def embed(
    home: HomeOption = None,
    store: StoreOption = None,
    pairs: SetOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Embed all entries with the embedding model that is set now, for searches by meaning.

    A conversation does some of it with each turn; after a change of the model this does all. Interrupted, the
    same command goes on. Over a store in PostgreSQL a worker does it, with its own embedding model.
    """
    from lcagent import blocking
    from lcagent.cli.progress import Console
    from lcagent.models.serving.session import ModelSession
    from lcagent.runs.embedding import embed

    settings = settings_from(pairs, home=home, store=store)
    with Console(quiet=quiet) as console, ModelSession(settings) as models:
        done = blocking.run(embed(tenant, settings, models, console.show))
    if as_json:
        memory_told.print_json(done.model_dump())
        return
    terminal.line(f"{done.entries:,} entries are embedded, by {done.model}")
