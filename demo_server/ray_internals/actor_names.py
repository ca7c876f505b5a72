"""Names of actors that are no run's; the mailbox's process imports this and no more of ours."""

# Of the driver, where workers leave sample rows.
MAILBOX = "live-rows"
# Ray Data's own, which the first job that needs them starts.
RAYS_OWN = ("_StatsActor", "_AutoscalingCoordinatorActor", "ActorLocationTracker")
