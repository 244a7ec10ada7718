"""The gateway's settings, and the values that they hold."""

from gateway.config.settings import REDIS_URL, GatewaySettings

__all__ = ["REDIS_URL", "GatewaySettings"]
