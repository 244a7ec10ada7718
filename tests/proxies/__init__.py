"""Real proxies in front of the gateway; `make test-proxies` runs them."""
