"""`python -m demo_server` is `demo-server`."""

from demo_server.cli.main import main

raise SystemExit(main())
