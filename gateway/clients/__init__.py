"""The clients of the model servers (gRPC) and of Redis: one for each port of `gateway.ports`."""
