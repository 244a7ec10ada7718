"""The clients of the model servers (gRPC), of Redis and of MCP servers; they implement the ports of `gateway.ports`."""
