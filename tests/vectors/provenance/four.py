"""Stands alone: né à 11 °C."""

import ray

print(ray)
