"""Every use of Ray's private modules, each with a contract test."""
