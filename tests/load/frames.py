"""Frames that nobody should send: from the protocol's own schema, then broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from websockets.frames import Frame, Opcode

from demo_server.protocol import frames
from demo_server.protocol.errors import Refusal
from demo_server.web.frame_parser import decode
from demo_server.web.limits import MAX_CLIENT_FRAME_BYTES

_SCHEMA = frames.client_frame.json_schema()
_ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.5, -0.0, 2**31, 2**63, 2**64, 10**40, 1e308, 5e-324),
    *("", " ", "\0", "\ud800", "a\udfff", "\U0001f600" * 9, "x" * 65, "x" * 5000, "null"),
    *("../../etc/passwd", "%00", "__proto__", "' OR 1=1 --", "\u202e\u0000\uffff", "NaN"),
    *([], {}, [[]], {"": ""}, {"__proto__": {}}, [None] * 70, {"type": "hello"}),
]
_TOKENS = ["NaN", "Infinity", "1e999", "-", "{", "}", "[", '"', "\\u12", ",,", "\ufeff", "0x1"]
_CHARACTERS = 'ab0{}[]":,\\ \n\t\x00\x1f\x7fé\u2028\U0001f600'
# A patch that removes and one that adds keep what is stored from growing without end.
_NAMES = ["poll", "nav", "a - poll", "controls"]


@dataclass(frozen=True)
class Shot:
    """Bytes for the wire, and what must come of them."""

    what: str
    data: bytes
    refused: bool = False  # an error, or a close, must be the answer
    fatal: bool = False  # it breaks the websocket itself: a close with a code, or silence


class FrameGenerator:
    """A seeded stream of shots."""

    def __init__(self, random: Random, run_ids: list[str]) -> None:
        self._random, self._run_ids = random, run_ids

    def shot(self) -> Shot:
        """Return the next one."""
        kinds = {
            self._structured: 74,
            self._random_text: 8,
            self._binary: 4,
            self._fragmented: 5,
            self._control: 3,
            self._too_large: 1,
            self._not_utf8: 2,
            self._noise: 2,
            self._bad_bits: 1,
        }
        return self._random.choices(list(kinds), list(kinds.values()))[0]()

    # Whole text frames

    def _structured(self) -> Shot:
        options = [self._resolve(option) for option in _SCHEMA["oneOf"]]
        body = self._value(self._random.choice(options))
        for _ in range(self._random.choice([0, 1, 1, 2, 3])):
            body = self._mutated(body)
        text = json.dumps(body, ensure_ascii=self._random.random() < 0.8)
        if self._random.random() < 0.15:
            text = self._garbled(text)
        return _text_shot("structured", text)

    def _random_text(self) -> Shot:
        length = self._random.choice([0, 1, 5, 50, 500, 60_000])
        text = "".join(self._random.choices(_CHARACTERS, k=min(length, 600)))
        deep = self._random.choice(["[", '{"a":', "[{"]) * (length // 4)
        return _text_shot("random text", self._random.choice([text, deep]))

    def _value(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """Return something that a schema allows, mostly."""
        schema = self._resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "anyOf" in schema:
            return self._value(self._random.choice(schema["anyOf"]), depth)
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "string":
                return self._string(schema)
            case "integer":
                return self._random.choice([0, 1, 2, 1000, 10**9])
            case "null":
                return None
            case _:
                return self._anything(depth)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", [])
        made = {
            name: self._named(name, below, depth)
            for name, below in schema.get("properties", {}).items()
            if name in required or self._random.random() < 0.5
        }
        more = schema.get("additionalProperties")
        if isinstance(more, dict):
            for _ in range(self._random.randrange(4)):
                made[self._string({})] = self._value(more, depth + 1)
        return made

    def _named(self, name: str, schema: dict[str, Any], depth: int) -> Any:
        """Return values that get past the first check: runs and channels that exist."""
        if name == "run_id" and self._run_ids and self._random.random() < 0.7:
            return self._random.choice(self._run_ids)
        if name == "channel" and self._random.random() < 0.9:
            return self._random.choice(_NAMES)
        if name == "experiment" and self._random.random() < 0.8:
            return "embed"
        if name == "patch" and self._random.random() < 0.3:
            return {"q": {"results": {f"voter{self._random.randrange(50)}": 1}}}
        if name == "params" and self._random.random() < 0.5:
            return {"does": self._random.choice(["plan end", "plan progress:9 end", "crash:1"])}
        return self._value(schema, depth + 1)

    def _string(self, schema: dict[str, Any]) -> str:
        if "enum" in schema:
            return str(self._random.choice(schema["enum"]))
        return "".join(self._random.choices("abcé-_ 0\U0001f600", k=self._random.randint(1, 12)))

    def _anything(self, depth: int) -> Any:
        if depth < 4 and self._random.random() < 0.3:
            return [self._anything(depth + 1) for _ in range(self._random.randrange(3))]
        if depth < 4 and self._random.random() < 0.3:
            return {self._string({}): self._anything(depth + 1)}
        return self._random.choice(_ODD)

    def _mutated(self, body: Any) -> Any:
        """Return it with one place changed."""
        if not isinstance(body, dict) or not body or self._random.random() < 0.05:
            return self._random.choice([body, _ODD[self._random.randrange(len(_ODD))], [body]])
        name = self._random.choice(list(body))
        made = dict(body)
        match self._random.randrange(6):
            case 0:
                del made[name]
            case 1:
                made[name] = self._random.choice(_ODD)
            case 2:
                made[self._string({})] = self._random.choice(_ODD)
            case 3:
                made[name] = self._nested(made[name])
            case 4:
                made["type"] = self._random.choice(["hello", "start", "publish", "beat", "x", 5])
            case _:
                made[name] = self._mutated(made[name])
        return made

    def _nested(self, value: Any) -> Any:
        for _ in range(self._random.choice([1, 11, 14, 300])):
            value = self._random.choice([[value], {"a": value}])
        return value

    def _garbled(self, text: str) -> str:
        at = self._random.randrange(len(text))
        match self._random.randrange(3):
            case 0:
                return text[:at]
            case 1:
                return text[:at] + self._random.choice(_TOKENS) + text[at:]
            case _:
                return text[:at] + self._random.choice(_CHARACTERS) + text[at + 1 :]

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = _SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    # The websocket itself

    def _binary(self) -> Shot:
        data = self._random.randbytes(self._random.choice([0, 1, 40, 4000]))
        return Shot("binary", _frame(Opcode.BINARY, data), refused=True)

    def _fragmented(self) -> Shot:
        whole = self._structured()
        text = whole.data
        payload = _payload(text)
        at = self._random.randint(0, len(payload))
        first = _frame(Opcode.TEXT, payload[:at], fin=False)
        between = _frame(Opcode.PING, b"x") if self._random.random() < 0.5 else b""
        parts = first + between + _frame(Opcode.CONT, payload[at:])
        return Shot("fragmented", parts, whole.refused, whole.fatal)

    def _control(self) -> Shot:
        opcode = self._random.choice([Opcode.PING, Opcode.PONG])
        data = self._random.randbytes(self._random.randrange(126))
        return Shot("ping or pong", _frame(opcode, data))

    def _too_large(self) -> Shot:
        data = b"x" * (MAX_CLIENT_FRAME_BYTES + self._random.choice([1, 100, 30_000]))
        return Shot("too large", _frame(Opcode.TEXT, data), refused=True, fatal=True)

    def _not_utf8(self) -> Shot:
        data = self._random.choice([b"\xff", b'{"type":"\xc3"}', b"\xed\xa0\x80"])
        return Shot("not UTF-8", _frame(Opcode.TEXT, data), refused=True, fatal=True)

    def _noise(self) -> Shot:
        data = self._random.randbytes(self._random.choice([1, 2, 14, 200, 5000]))
        return Shot("noise", data, fatal=True)

    def _bad_bits(self) -> Shot:
        text = b'{"type":"unwatch","run_id":"x"}'
        reserved = bytearray(_frame(Opcode.TEXT, text))
        reserved[0] |= self._random.choice([0x10, 0x20, 0x40])
        unmasked = Frame(Opcode.TEXT, text).serialize(mask=False)
        orphan = _frame(Opcode.CONT, text)
        long_ping = bytes([0x89, 0xFE, 0x00, 0x80]) + self._random.randbytes(4) + bytes(128)
        close = _frame(Opcode.CLOSE, self._random.choice([b"\x00", b"\x00\x01", b"\x03\xe8\xff"]))
        data = self._random.choice([bytes(reserved), unmasked, orphan, long_ping, close])
        return Shot("bad bits", data, refused=True, fatal=True)


def _text_shot(what: str, text: str) -> Shot:
    # A lone surrogate that is not escaped has no UTF-8: then the frame is not text.
    try:
        data, fatal = text.encode(), False
    except UnicodeEncodeError:
        data, fatal = text.encode(errors="surrogatepass"), True
    if len(data) > MAX_CLIENT_FRAME_BYTES:
        fatal = True
    return Shot(what, _frame(Opcode.TEXT, data), fatal or _is_refused(text), fatal)


def _is_refused(text: str) -> bool:
    try:
        decode(text)
    except Refusal:
        return True
    return False


def _frame(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def _payload(frame: bytes) -> bytes:
    """Return the unmasked payload of a masked frame that `_frame` made."""
    length = frame[1] & 0x7F
    start = {126: 4, 127: 10}.get(length, 2)
    mask, masked = frame[start : start + 4], frame[start + 4 :]
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))


def http_requests(random: Random, run_ids: list[str], port: int, token: str) -> Iterator[bytes]:
    """Yield HTTP requests, whole ones and broken ones, without end."""
    paths = ["/", "/3", "/api/health", "/api/experiments", "/api/runs", "/api/protocol.json"]
    paths += ["/openapi.json", "/pair", "/api/pairing-codes", "/ws", "/api", "/assets/x.js"]
    while True:
        run_id = random.choice([*run_ids[-5:], "x", "..%2f..", "%00", "a" * 3000, "%ff"])
        run = [f"/api/runs/{run_id}{end}" for end in ("", "/log", "/result.parquet", "/x")]
        path = random.choice([*paths, *run])
        path += random.choice(["", "", "", "/", "?", "?code=x", "?code=%ff", "//", "/../../x", "#"])
        method = random.choice(["GET"] * 6 + ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "X-Y"])
        authority = [f"127.0.0.1:{port}"] * 9 + ["evil.example", "", "\x7f"]
        headers = {"Host": random.choice(authority), "Connection": "close"}
        more = {
            "Authorization": random.choice([f"Bearer {token}", "Bearer", "Basic x", "Bearer \xff"]),
            "Origin": random.choice([f"http://127.0.0.1:{port}", "null", "http://evil.example"]),
            "Cookie": random.choice([f"demo_session_{port}=1.2.3", "=", ";;", "a=b" * 500]),
            "Range": random.choice(["bytes=0-", "bytes=5-1", "bytes=-0", "x", "bytes=0-1,3-4"]),
            "If-None-Match": random.choice(["*", '"x"']),
            "Content-Type": "application/json",
            "Upgrade": "websocket",
        }
        headers |= {name: more[name] for name in random.sample(list(more), random.randrange(4))}
        body = random.choice([b"", b"", b"{}", b"\xff" * 100, b"x" * 70_000])
        if body or method == "POST":
            headers["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        request = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
        if random.random() < 0.05:
            request = random.randbytes(random.choice([1, 20, 300])) + b"\r\n\r\n"
        yield request
