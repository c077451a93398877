"""What Prometheus is told of the service."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Requests, searches and rows, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "embedlake_requests", "Requests by route and status.", ["route", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "embedlake_request_seconds", "Time of a request.", ["route"], buckets=_SECONDS, registry=self._registry
        )
        self.in_flight = Gauge("embedlake_requests_in_flight", "Requests being answered.", registry=self._registry)
        self.rows = Gauge("embedlake_rows", "Rows that are searched.", ["corpus"], registry=self._registry)
        self.ready = Gauge(
            "embedlake_ready", "Whether a corpus is served as it is in the lake now.", ["corpus"],
            registry=self._registry,
        )  # fmt: skip

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self._registry)
