"""How long tests wait at most; how fast the product is, benchmarks and `npm run faults` measure."""

# Ends a test that hangs. Nothing that works takes that long, whatever else the machine does.
HANG_S = 300.0
# For what ends by itself within a minute or so also without the product's doing.
SOON_S = 30.0
