"""Which run begins when, and in which driver."""
