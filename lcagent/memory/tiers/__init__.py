"""MemGPT's tiers: what is always in the window (core, queue) and what is searched (recall, archival).

Source: "MemGPT: Towards LLMs as Operating Systems", section 2. All of them are views of one table of entries
that only grows (`entries`): what was said, done and noted, in order. Whatever a model made of it points at
the entries that it rests on.
"""
