"""Tests in folders that mirror the packages; `support` is what they share."""
