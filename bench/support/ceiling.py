"""What the processor can do at most: the rate of a plain matrix product, measured."""

from __future__ import annotations

import json
import statistics
import sys
import time

SIZE = 2048
ROUNDS = 7


def products(threads: int) -> dict[str, float]:
    """Return floating-point operations a second of a SIZE x SIZE product, for each precision."""
    import torch

    from demo_server.embedding.device import cpu_has_bf16

    torch.set_num_threads(threads)
    dtypes = {"f32": torch.float32} | ({"bf16": torch.bfloat16} if cpu_has_bf16() else {})
    found = {}
    for name, dtype in dtypes.items():
        a, b = (torch.randn(SIZE, SIZE).to(dtype) for _ in range(2))
        a @ b  # the first one sets up
        seconds = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            a @ b
            seconds.append(time.perf_counter() - began)
        found[name] = 2 * SIZE**3 / statistics.median(seconds)
    return found


if __name__ == "__main__":
    print(json.dumps(products(int(sys.argv[1]))))
