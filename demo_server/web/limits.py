"""Every bound of the web room: counts, sizes, rates and times.

Those that a client must know are in the protocol's description too; see `api_schema.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from demo_server.protocol.frames import Role


@dataclass(frozen=True)
class Rate:
    """How much may come at once, and how much each second from then on."""

    burst: float
    per_second: float


# Connections. Each of the audience's phones is one; some systems allow 256 files unless asked.
OPEN_FILES = 4096
# Below the files that the process may open; websockets are counted with them.
MAX_CONNECTIONS = 3000
REQUEST_TIMEOUT_S = 10.0

# Websockets. A hall may sit behind one address; this machine's tests and tunnels aren't counted.
MAX_WEBSOCKETS = 2000
MAX_WEBSOCKETS_OF_ADDRESS = 400
# As many as come at once when a hall scans the code, and far fewer than there may be in all.
MAX_WITHOUT_HELLO = 500
HELLO_TIMEOUT_S = 5.0
# How often a client learns that the server lives, and where each run is.
BEAT_INTERVAL_S = 0.5
# With few events, only an unanswered ping shows soon that a client reads nothing.
PING_INTERVAL_S = 5.0
SEND_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 5.0

# What one client may send.
MAX_CLIENT_FRAME_BYTES = 64 * 1024
FRAMES = Rate(burst=400, per_second=120)
BROKEN_FRAMES = Rate(burst=20, per_second=1)
# Drawings and polls need eight; each level costs the stack of whoever walks it.
MAX_FRAME_DEPTH = 32
MAX_WATCHED_RUNS = 64

# What waits for one client, and how often it is sent.
FLUSH_INTERVAL_S = {Role.PRESENTER: 0.05, Role.VIEWER: 0.25}
MAX_REPLIES = 64
# Older ones are at GET /api/runs.
WELCOME_RUNS = 100

# Wrong tokens and pairing codes from one address, and of how many addresses they are counted.
ATTEMPTS = Rate(burst=10, per_second=1 / 6)
MAX_COUNTED_ADDRESSES = 1024

# Pairing. A code that stands on a screen is for the phone in the speaker's hand.
CODE_SECONDS = 600.0
SHOWN_CODE_SECONDS = 120.0
MAX_CODES = 32
DEVICE_SECONDS = 24 * 3600
MAX_DEVICES = 32
# Characters of the name that distinguishes browsers, so that each has one vote.
BROWSER_ID_CHARACTERS = 32

# Shared deck state.
MAX_CHANNELS = 32
MAX_CHANNEL_BYTES = 1024 * 1024
MAX_PATCH_DEPTH = 12
MAX_POLLS = 32
MAX_CHOICES = 32
MAX_VOTER_CHARACTERS = 64
MAX_VOTERS = 10_000
