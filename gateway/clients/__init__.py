"""The outside world over gRPC: one client per port of `gateway.ports`."""
