"""Self-checking scenarios against a real server process: `npm run stress`."""
