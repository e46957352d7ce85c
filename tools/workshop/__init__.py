"""The workshop behind ./dev: it sets up the Windows machine (Wine), builds, tests and shows ws2echo."""
