"""`lcagent serve` and `lcagent mcp`: thin adapters over the SDK. They need the extra `server`."""
