"""Whether a CPU had time to spare between two moments."""

from __future__ import annotations

from demo_server.system.cpu_reading import CpuReading


def test_cpus_that_were_idle_for_less_than_a_tenth_of_the_time_were_all_busy() -> None:
    before = CpuReading(at=100.0, idle_s=5_000.0)
    assert CpuReading(at=110.0, idle_s=5_000.9).all_busy_since(before)
    assert not CpuReading(at=110.0, idle_s=5_001.1).all_busy_since(before)


def test_what_was_idle_before_does_not_count() -> None:
    first, second = CpuReading(0.0, 0.0), CpuReading(10.0, 10.0)
    assert not second.all_busy_since(first)
    assert CpuReading(11.0, 10.0).all_busy_since(second)
