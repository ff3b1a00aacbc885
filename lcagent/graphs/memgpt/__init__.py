"""MemGPT: an agent with a memory of tiers, that talks or answers about documents by paging through them.

Source: "MemGPT: Towards LLMs as Operating Systems".
"""
