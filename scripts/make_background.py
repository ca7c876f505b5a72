"""Draws the cover's background: embeddings as strips of colour, flowing across the dark.

Run `python scripts/make_background.py`; it writes `public/slides_background.png` and always the
same bytes for the same NumPy and zlib.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1920, 1080
STRIPS = 46
CELLS = 400
SEED = 384

DEEP = np.array([7, 20, 32])
TEAL = np.array([10, 62, 78])
COLD = np.array([58, 150, 190])
GREEN = np.array([46, 176, 150])
WARM = np.array([226, 170, 84])


def flow(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The strip that each pixel lies in, as a real number: strips fan out to the right."""
    center = 0.50 + 0.20 * np.sin(2.6 * x + 0.5) - 0.06 * np.sin(6.1 * x)
    spread = 0.34 + 0.95 * x**1.7 + 0.25 * (1 - x) ** 3
    return (y - center) / spread * STRIPS + STRIPS / 2


def smooth_noise(generator: np.random.Generator) -> NDArray[np.float64]:
    """Values in -1 … 1 for each strip and cell; neighbours resemble each other a little."""
    raw = generator.normal(size=(STRIPS, CELLS))
    mixed = raw + 0.45 * np.roll(raw, 1, axis=0) + 0.45 * np.roll(raw, 1, axis=1)
    return np.tanh(mixed)


def draw() -> NDArray[np.uint8]:
    """The picture, height x width x RGB."""
    generator = np.random.default_rng(SEED)
    values = smooth_noise(generator)
    offsets = generator.uniform(0, CELLS, size=STRIPS)
    strength = generator.uniform(0.35, 1.0, size=STRIPS)

    x = (np.arange(WIDTH) + 0.5)[None, :] / WIDTH
    y = (np.arange(HEIGHT) + 0.5)[:, None] / HEIGHT
    position = flow(x, y)
    strip = np.clip(np.floor(position), 0, STRIPS - 1).astype(int)
    inside = np.abs(position - strip - 0.5)
    slope = np.abs(np.gradient(position, axis=0))

    # One pixel of soft edge, so that the strips look drawn and not sawn.
    coverage = np.clip((0.36 - inside) / slope + 0.5, 0, 1)
    coverage *= (position >= 0) & (position < STRIPS)

    # Cells grow to the right, as if the strips came towards the viewer.
    along = 105 * np.log1p(2.2 * x) + 0.0 * y
    cell_position = along + offsets[strip]
    cell = np.floor(cell_position).astype(int) % CELLS
    edge = np.abs(cell_position % 1 - 0.5)
    cell_slope = np.abs(np.gradient(along, axis=1))
    coverage *= np.clip((0.46 - edge) / cell_slope + 0.5, 0.0, 1)

    value = values[strip, cell]
    middle = np.abs(strip / (STRIPS - 1) - 0.5) * 2
    fade = (1 - middle**2) * (0.25 + 0.75 * x)
    # The title stands in the middle: quiet there.
    quiet = 1 - 0.62 * np.exp(-(((x - 0.5) / 0.34) ** 2 + ((y - 0.5) / 0.22) ** 2))
    alpha = coverage * np.abs(value) * strength[strip] * fade * quiet

    ground = DEEP + (TEAL - DEEP) * (0.15 + 0.6 * x * (1 - y))[..., None]
    blend = np.clip(strip / STRIPS + 0.35 * np.sin(3 * x), 0, 1)[..., None]
    cold = COLD + (GREEN - COLD) * blend
    color = np.where((value > 0)[..., None], cold, cold + (WARM - cold) * 0.85)
    picture = ground + (color - ground) * alpha[..., None]

    # Steps of 2 do not show and make the file a third.
    quantized: NDArray[np.uint8] = np.clip(picture, 0, 255).astype(np.uint8) // 2 * 2
    return quantized


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG bytes of 8-bit RGB pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    height, width, _ = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    # Filter 0, each row as it is: zlib finds the cells' repeated colours by itself.
    filtered = np.insert(pixels.reshape(height, -1), 0, 0, axis=1).tobytes()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(filtered, 9))
        + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    target = Path(__file__).resolve().parent.parent / "public" / "slides_background.png"
    target.write_bytes(encode_png(draw()))
    print(f"{target.name}: {target.stat().st_size / 1024:.0f} KiB")
